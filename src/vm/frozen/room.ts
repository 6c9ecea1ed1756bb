// A host that has no room for a state.
import { Failure } from '../../core/errors.js'
import { freeBytes } from '../../sys/file.js'
import type { Vm } from '../record/vm.js'

/** Of a file system that is full a QEMU that maps a file there is told by a signal. */
export function noRoom({ id }: Vm, verb: string, folder: string): Failure | undefined {
  if (freeBytes(folder) >= fullBytes) return undefined
  return new Failure(`cannot ${verb} ${id}: there is no room for its RAM in ${folder.slice(0, folder.lastIndexOf('/'))}`, {
    code: 'NO_SPACE',
    hints: ['make room there; its RAM takes what its guest uses of it, at most all'],
  })
}

/** Where less is free the next page may not have found its place. */
const fullBytes = 1024 * 1024
