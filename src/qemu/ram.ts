// Before 9.0, QEMU loses what a translated guest writes while it goes from one QEMU to another: where RAM is a multiple of 64 pages, it
// clears the marks of written pages and does not tell its own translator, which then writes without a mark. What comes is a guest with
// pages of different moments. https://gitlab.com/qemu-project/qemu/-/commit/03bfc2188f073ed5d9c6d0c3fd7c0bb4c5ff1d1f
import type { Machine } from '../model/machine.js'
import { release } from './release.js'

const mendedIn = 9000

/** RAM of any other size is looked at page by page, and that way tells the translator. QEMU takes 8 KB for the least. */
const padBytes = 8192

/** How much more RAM than it is asked for a QEMU is given so that nothing is lost; undefined where nothing ever is. */
export function ramPadBytes(accelerator: Machine['accelerator'], qemu: string): number | undefined {
  return accelerator === 'tcg' && release(qemu) < mendedIn ? padBytes : undefined
}

/** Whether a guest must stand still while its RAM goes over, as nbsvm started it before it knew better. */
export function losesWrites(machine: Pick<Machine, 'accelerator' | 'ramPadBytes'>, qemu: string): boolean {
  return machine.ramPadBytes === undefined && ramPadBytes(machine.accelerator, qemu) !== undefined
}
