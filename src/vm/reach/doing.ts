// What a VM is doing, in words, for who waited for it in vain.
import { endOf, readBefore } from '../../console/logtail.js'
import { createLookout } from '../../console/lookout.js'
import { lastState, type Ending } from '../../qemu/journal.js'
import { keeperName } from '../../qemu/keeper.js'
import { waitForEnd } from '../../helper/helpers.js'
import type { Drawer } from '../record/drawer.js'
import { logOf } from './heard.js'
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

/** So much of what was said is drawn for a screen. */
export const screenBytes = 256 * 1024

/** What the screen of the serial console shows, for the end of a message. */
export function consoleEnd({ drawer }: { readonly drawer: Drawer }): string {
  const log = logOf(drawer)
  const end = endOf(log)
  const lookout = createLookout()
  if (end !== undefined) lookout.push(readBefore(log, end, screenBytes))
  return shownLines(lookout.lines())
}

/** Lines of a console, for the end of a message. */
export function shownLines(lines: readonly string[]): string {
  return lines.length === 0 ? 'its console is empty' : ['its console ends with:', ...lines.map((line) => `| ${line}`)].join('\n')
}
