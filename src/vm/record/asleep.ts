// What keeps a VM from being started as one that is off, and its drives from being changed: it sleeps on the disk, or is on its way back to a
// checkpoint. As long as one of these is there its guest runs nowhere: a QEMU that it has is one that was left behind.
import { asObject } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import type { Place } from '../../host/place.js'
import { lstat, readText } from '../../sys/file.js'
import { checkpointNames, savedFolder, templateFolders } from './frozen.js'
import { recordFolder } from './record.js'

interface Subject {
  readonly id: string
  readonly place: Pick<Place, 'records'>
}

/** A rollback that was begun: what of the VM is of which moment is not known until it is done. */
export interface Rollback {
  /** The checkpoint. */
  readonly name: string
  /** Its drives alone: it is off then. */
  readonly fresh: boolean
}

/** There as long as a rollback is not over. */
export const rollbackFolder = (place: Subject['place'], id: string): string => `${recordFolder(place, id)}/rollback`

/** In it: which. */
export const markName = 'rollback.json'

/** Whether its RAM is kept in a file, for the next start: a cheap look. */
export function isSaved({ place, id }: Subject): boolean {
  return lstat(savedFolder(place, id)) !== undefined
}

/** Since when, in milliseconds since 1970; null where it is not. */
export function savedSince({ place, id }: Subject): number | null {
  const found = lstat(savedFolder(place, id))
  // Nothing is written into it once it has its name.
  return found === undefined ? null : Math.round(found.mtimeMs)
}

/** Whether a rollback of it was cut off. */
export function isRollingBack({ place, id }: Subject): boolean {
  return lstat(rollbackFolder(place, id)) !== undefined
}

/** The rollback that was cut off. */
export function readRollback({ place, id }: Subject): Rollback | undefined {
  if (!isRollingBack({ place, id })) return undefined
  const file = `${rollbackFolder(place, id)}/${markName}`
  const { name, fresh } = asObject(parsed(readText(file))) ?? {}
  if (typeof name === 'string' && typeof fresh === 'boolean') return { name, fresh }
  throw new Failure(`${file} is damaged: it says to which checkpoint ${id} goes back`, {
    code: 'VM_DAMAGED',
    hints: [`go back to one: nbsvm ${id} rollback CHECKPOINT`],
  })
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

/** Throws a Failure where its guest counts on what it is. `doing` is for that message: `resize a drive of foo`. */
export function refuseAsleep(vm: Subject & { readonly call: string }, doing: string): void {
  if (isRollingBack(vm))
    throw new Failure(`cannot ${doing}: its rollback was cut off`, {
      code: 'VM_ASLEEP',
      hints: [`finish it: ${vm.call} start`],
    })
  if (isSaved(vm))
    throw new Failure(`cannot ${doing}: it is saved, and its guest counts on what its drives hold`, {
      code: 'VM_ASLEEP',
      hints: [`let it go on: ${vm.call} start`, `or boot it without its RAM, as after a power cut: ${vm.call} start --fresh`],
    })
}

/** Throws a Failure where it has more than goes to another machine: what its states hold stays in the store of this one. */
export function refuseKept(vm: Subject & { readonly call: string }, doing: string): void {
  refuseAsleep(vm, doing)
  if (templateFolders(vm.place, vm.id).length > 0)
    throw new Failure(`cannot ${doing}: it is a template as well, which does not go along`, {
      code: 'MOVE_IMPOSSIBLE',
      hints: [`remove the template: ${vm.call} freeze --rm`],
    })
  const names = checkpointNames(vm.place, vm.id)
  if (names.length > 0)
    throw new Failure(`cannot ${doing}: it has checkpoints, which do not go along: ${names.join(', ')}`, {
      code: 'MOVE_IMPOSSIBLE',
      hints: [`remove them: ${vm.call} checkpoints --rm=${names[0]}`],
    })
}
