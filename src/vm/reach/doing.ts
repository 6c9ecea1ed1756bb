// What a VM is doing, in words, for who waited for it in vain.
import { lastState, type Ending } from '../../qemu/journal.js'
import { keeperName } from '../../qemu/keeper.js'
import { waitForEnd } from '../../helper/helpers.js'
import type { Drawer } from '../record/drawer.js'
import { endingOf, isRunning, journalOf, qemuPid } from '../record/state.js'

/** Whether its QEMU is gone: a cheap look, and the truth where that does not see it. */
export function isGone(drawer: Drawer): boolean {
  return qemuPid(drawer) === undefined && !isRunning(drawer)
}

/** Why a VM that is gone is so; the log keeper has written all down by then. */
export async function whyGone(drawer: Drawer): Promise<Ending> {
  await waitForEnd(drawer.folder, keeperName)
  return endingOf(drawer)
}

/** `it is paused (io-error: No space left on device)`. */
export function doingOf(drawer: Drawer): string {
  if (isGone(drawer)) return `it does not run: ${endingOf(drawer).words}`
  const { state, detail, reason } = lastState(journalOf(drawer))
  const more = [detail === state ? undefined : detail, reason].filter((text) => text !== undefined).join(': ')
  return `it is ${state}${more === '' ? '' : ` (${more})`}`
}
