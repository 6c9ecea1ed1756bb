// Waiting for a VM: for what its guest says, or for what it does.
import { parseAwaited, type Condition } from '../../console/awaited.js'
import type { Caller } from '../../core/caller.js'
import type { Vm } from '../record/vm.js'
import { waitForAgent, waitForCloudInit, waitForPort, waitForSsh } from './waitguest.js'
import { waitForState } from './waitstate.js'
import { waitForText, type TextOptions } from './waittext.js'

type Wait = (vm: Vm, timeoutMs: number, caller: Caller) => Promise<string | void>

const waits: Readonly<Record<Condition, Wait>> = {
  running: (vm, timeoutMs, caller) => waitForState(vm, 'running', timeoutMs, caller),
  paused: (vm, timeoutMs, caller) => waitForState(vm, 'paused', timeoutMs, caller),
  stopped: (vm, timeoutMs, caller) => waitForState(vm, 'stopped', timeoutMs, caller),
  agent: waitForAgent,
  ssh: waitForSsh,
  'cloud-init': waitForCloudInit,
}

/**
 * Waits for a word of `wait`: a text, `/an expression/`, or a condition. Resolves to what there is to tell of it: why a VM stopped.
 * Rejects with a Failure when it does not come in time, or cannot come any more.
 */
export async function waitFor(vm: Vm, word: string, options: TextOptions, caller: Caller = {}): Promise<string | undefined> {
  const awaited = parseAwaited(word)
  const { timeoutMs } = options
  if (awaited.kind === 'condition') return (await waits[awaited.condition](vm, timeoutMs, caller)) ?? undefined
  await (awaited.kind === 'port' ? waitForPort(vm, awaited.port, timeoutMs, caller) : waitForText(vm, awaited, options, caller))
  return undefined
}
