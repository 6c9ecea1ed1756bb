// Waiting for a VM: for what its guest says, or for what it does.
import { parseAwaited } from '../../console/awaited.js'
import type { Caller } from '../../core/caller.js'
import type { Vm } from '../record/vm.js'
import { waitForState } from './waitstate.js'
import { waitForText, type TextOptions } from './waittext.js'

/**
 * Waits for a word of `wait`: a text, `/an expression/`, or a condition. Resolves to what there is to tell of it: why a VM stopped.
 * Rejects with a Failure when it does not come in time, or cannot come any more.
 */
export async function waitFor(vm: Vm, word: string, options: TextOptions, caller: Caller = {}): Promise<string | undefined> {
  const awaited = parseAwaited(word)
  if (awaited.kind === 'condition') return waitForState(vm, awaited.condition, options.timeoutMs, caller)
  await waitForText(vm, awaited, options, caller)
  return undefined
}
