// Typing at a VM's serial port.
import { typeBytes } from '../../console/typing.js'
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { requireSocket } from '../life/up.js'
import type { Vm } from '../record/vm.js'
import { doingOf } from './doing.js'
import { noteTyping } from './heard.js'

export interface TypeOptions {
  /** How long the guest may take until it has read all. */
  readonly timeoutMs: number
}

/** Types bytes at the serial port of a VM that runs, and resolves when its guest has taken them. */
export async function typeAt(vm: Vm, bytes: Buffer, { timeoutMs }: TypeOptions, { signal }: Caller = {}): Promise<void> {
  const { drawer, id } = vm
  requireSocket(vm, 'type at', 'console')
  noteTyping(drawer)
  const [socketPath, lockPath] = [drawer.console, drawer.consoleLock]
  if (await typeBytes({ id, socketPath, lockPath, bytes, timeoutMs, signal })) return
  throw new Failure(
    `${id} does not read what is typed: not all was taken within ${timeoutMs / 1000} seconds; ${doingOf(drawer)}`,
    { code: 'TIMEOUT', hints: [`see it: ${vm.call} status`, `what it says: ${vm.call} log`] },
  )
}
