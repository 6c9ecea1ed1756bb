// The end of a VM on this machine, because another has it, or because it never came whole.
import type { Outside } from '../../host/place.js'
import { lstat, readHead, remove, stat, writeInto } from '../../sys/file.js'
import { stopVm } from '../life/stop.js'
import { endAndRemove } from '../life/remove.js'
import {
  beforeFolder,
  lockMove,
  markedIds,
  movedIds,
  readMark,
  removeMark,
  unlockMove,
  whyNotOurs,
  type Mark,
} from '../record/moves.js'
import { readRecord, restoreRecord, sweepRecord } from '../record/record.js'
import { openVm, type Vm } from '../record/vm.js'

/** Removes what has come so far of a VM, and then its mark. The move's lock is held. */
export async function undoArrival(vm: Vm, mark: Mark): Promise<void> {
  if (hasCome(vm, mark)) {
    if (mark.standby) {
      await stopVm(vm)
      await restoreRecord(vm.place, vm.id, beforeFolder(vm.place, vm.id))
    } else await endAndRemove(vm, { keepsDrives: mark.shared })
    // It may never have been written, in a folder that cannot be.
    if (mark.file !== undefined && lstat(mark.file) !== undefined) giveBack(mark.file, mark.grown)
  } else if (!mark.standby) await sweepRecord(vm.place, vm.id)
  removeMark(vm.place, vm.id)
}

/** Its record is the first that is made: where there is none, or another's, there is nothing of it. */
function hasCome(vm: Vm, { standby, uuid }: Mark): boolean {
  return standby ? lstat(beforeFolder(vm.place, vm.id)) !== undefined : quietUuid(vm) === uuid
}

/** One that was there before is again as it was, unless somebody has changed it since. */
function giveBack(file: string, grown: Mark['grown']): void {
  if (grown === undefined) remove(file)
  else if (stat(file)?.size === grown.to) writeInto(file, readHead(file, grown.from)?.toString('utf8') ?? '')
}

function quietUuid({ place, id }: Vm): string | undefined {
  try {
    return readRecord(place, id)?.uuid
  } catch {
    return undefined
  }
}

/** Removes what is left of VMs that did not come whole, and that nobody is at any more. */
export async function sweepArrivals(outside: Outside): Promise<void> {
  for (const id of movedIds(outside.place)) await sweepArrival(outside, id)
}

/** The same for one VM. */
async function sweepArrival(outside: Outside, id: string): Promise<void> {
  const { place } = outside
  const phase = readMark(place, id)?.phase
  if (phase !== undefined && phase !== 'coming') return
  const lock = await lockMove(place, id, `clean up after the move of ${id}`, 0)
  if (lock === undefined) return
  try {
    const mark = readMark(place, id)
    if (mark?.phase === 'coming') await undoArrival(await openVm(id, { ...outside, line: {}, vmClass: undefined }), mark)
  } finally {
    unlockMove(place, id, lock)
  }
}

/** What is to be told of VMs that were given away, perhaps, when something broke. */
export function movesInDoubt({ place }: Outside): string[] {
  const given = markedIds(place).filter((id) => readMark(place, id)?.phase === 'given')
  return given.flatMap((id) => {
    const found = whyNotOurs({ place, id, call: `nbsvm ${id}` })
    // Somebody may be at it just now.
    return found === undefined || found.hints.length === 0 ? [] : [`${id}: ${found.why}`, `  ${found.hints.join('; ')}`]
  })
}
