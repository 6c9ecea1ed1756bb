// A VM goes to another machine: as it runs, or as it is where it is off.
import type { Caller } from '../../core/caller.js'
import { Failure, UsageError } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'
import { askHost } from '../../remote/ask.js'
import { socketsIn, type Machine } from '../../remote/connection.js'
import type { Store } from '../../store/store.js'
import { hostName } from '../../sys/environment.js'
import { lstat } from '../../sys/file.js'
import { whenKilled } from '../../sys/talk.js'
import { whileStopped } from '../drive/drives.js'
import { removeAll } from '../life/remove.js'
import { isUp } from '../life/up.js'
import { refuseKept } from '../record/asleep.js'
import { lockMove, moverOf, readMark, unlockMove, writeMark, type Mark } from '../record/moves.js'
import { ensureRecord, recordFolder } from '../record/record.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'
import { wordsOf } from '../record/words.js'
import { Dialogue, type Partner } from './dialogue.js'
import { sendDrives } from './drivedata.js'
import { givenMark, newMark, settling, type MoveCaller, type Moved, type MoveOptions } from './going.js'

export type { MoveCaller, Moved, MoveOptions } from './going.js'
import { forget, give, noteGone, settleMove, stays, type Leaving } from './leave.js'
import { moveLive } from './live.js'
import { packParcel, parcelLine, requireSame } from './parcel.js'
import { undoArrival } from './removal.js'

/**
 * Moves a VM. Whatever breaks, exactly one machine has it. Rejects with a Failure where it stays as it was, and with InDoubt
 * (exit status 4) where nobody knows until the other machine can be asked.
 */
export async function moveVm(vm: Vm, options: MoveOptions, caller: MoveCaller): Promise<Moved> {
  const { host } = options
  const machine: Machine = { host, sockets: socketsIn(vm.place.state) }
  return whileMoving(vm, `move ${vm.id} to ${host}`, async (mark) => {
    if (mark !== undefined && mark.phase !== 'coming') {
      const before = machineOf(vm, mark)
      if ((await settleMove(vm, mark, before, caller)) === 'moved')
        return { result: 'moved', host: mark.host, stoodStillMs: null }
    }
    const partner = { machine, name: options.name ?? vm.name, class: vm.class }
    const store = await storeOf(vm)
    if (!(await isHere(vm, store))) return alreadyThere(vm, partner, caller)
    if (store.isShared && !isUp(vm) && (await statusThere(partner, caller)) === 0) return wasThere(host)
    refuseKept(vm, `move ${vm.id}`)
    const found = isUp(vm) ? await moveLive(vm, store, partner, options, caller) : await moveOff(vm, partner, caller)
    return { host, ...found }
  })
}

/**
 * Finishes a move that was cut off, from here or to here, or undoes it; undefined where none was. With `keep` the other machine is not asked, and must never
 * come back with the VM.
 */
export async function settle(vm: Vm, caller: Leaving, { keep = false } = {}): Promise<Moved | undefined> {
  return whileMoving(vm, `settle the move of ${vm.id}`, async (found) => {
    if (found === undefined) return undefined
    const { host, phase } = found
    if (phase === 'coming') return { result: 'undone', host, stoodStillMs: null }
    const mark: Mark = keep ? { ...found, phase: 'going' } : found
    return { result: await settleMove(vm, mark, machineOf(vm, mark), caller), host, stoodStillMs: null }
  })
}

/** One at a time; with what an earlier move has left. What did not come whole to here is removed. */
async function whileMoving<T>(vm: Vm, doing: string, work: (mark: Mark | undefined) => Promise<T>): Promise<T> {
  const { place, id } = vm
  const lock = await lockMove(place, id, doing, 0)
  if (lock === undefined) throw new Failure(`cannot ${doing}: ${moverOf(place, id)} is at it`, { code: 'BUSY' })
  try {
    const mark = readMark(place, id)
    if (mark?.phase === 'coming') await undoArrival(vm, mark)
    return await work(mark)
  } finally {
    unlockMove(place, id, lock)
  }
}

const machineOf = ({ place }: Vm, { host }: Mark): Machine => ({ host, sockets: socketsIn(place.state) })

async function isHere({ place, id }: Vm, store: Store): Promise<boolean> {
  if (lstat(recordFolder(place, id)) !== undefined) return true
  return (await store.driveNames()).some((name) => parseDriveName(name)?.id === id) && !store.isShared
}

/** What was asked for may be so already. */
async function alreadyThere(vm: Vm, partner: Partner, caller: Caller): Promise<Moved> {
  const { host } = partner.machine
  const status = await statusThere(partner, caller)
  // 3: it is off.
  if (status === 0 || status === 3) return wasThere(host)
  throw new UsageError(`there is no VM ${vm.id}, neither here nor on ${host}`, {
    code: 'VM_MISSING',
    hints: ['see which there are: nbsvm ls'],
  })
}

const wasThere = (host: string): Moved => ({ result: 'was there', host, stoodStillMs: null })

/** The exit status of `status` there: 0 where it runs. */
async function statusThere(partner: Partner, { signal }: Caller): Promise<number> {
  return (await askHost(partner.machine, [...wordsOf(partner), 'status', '--json'], { signal })).status
}

async function moveOff(vm: Vm, partner: Partner, caller: MoveCaller): Promise<Pick<Moved, 'result' | 'stoodStillMs'>> {
  const { place, id, drawer } = vm
  const { signal, onProgress } = caller
  await whileStopped(vm, `move ${id}`, async (store, lock) => {
    const record = await ensureRecord(vm)
    const mark = newMark(record.uuid, partner, store, false)
    const drives = await store.drives(id)
    const parcel = await packParcel(vm, store, drives, {
      kind: 'move',
      token: mark.token,
      from: hostName(),
      record,
      live: undefined,
    })
    writeMark(place, id, mark)
    const watch = whenKilled(settling(vm))
    let dialogue: Dialogue | undefined
    try {
      const other = (dialogue = await Dialogue.open(partner, caller))
      await other.write(parcelLine(parcel))
      await other.expect('ready', signal)
      const write = (bytes: Buffer): Promise<void> => other.write(bytes)
      await sendDrives(store.isShared ? [] : drives, { folder: drawer.folder, write, onProgress, signal })
      const have = await other.expect('have', signal)
      await requireSame(vm, store, drives)
      const given = givenMark(vm, mark, have)
      await give(vm, given, { machine: partner.machine, dialogue: other })
      await caller.beforeRemoval()
      if (given.standby) noteGone(vm, given)
      else await removeAll(vm, store, lock, given.shared ? { drives: [] } : {})
      forget(vm, given)
      await other.farewell()
    } catch (error) {
      throw await stays(vm, error, { dialogue, signal })
    } finally {
      watch.dismiss()
    }
  })
  return { result: 'moved', stoodStillMs: null }
}
