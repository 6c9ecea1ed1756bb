// What is done with a running VM and its guest.
import { Failure } from '../../core/errors.js'
import { parseTyped } from '../../console/escapes.js'
import { parseKeys, keysFor } from '../../qemu/keycode.js'
import { parseClosings, parseForwards } from '../../model/forward.js'
import { isUp } from '../../vm/life/up.js'
import { copyFiles } from '../../vm/reach/cp.js'
import { execIn, type ExecOptions } from '../../vm/reach/exec.js'
import { addForwards, removeForwards } from '../../vm/reach/forward.js'
import { pressKeys } from '../../vm/reach/key.js'
import { takeScreenshot } from '../../vm/reach/screenshot.js'
import { sshCommand } from '../../vm/reach/ssh.js'
import { typeAt } from '../../vm/reach/type.js'
import { waitFor } from '../../vm/reach/wait.js'
import type { Call } from './call.js'
import { callerOf, running } from './opened.js'

/** What a program in the guest is run with. */
export type ExecLimits = Pick<ExecOptions, 'timeoutMs' | 'spool'>

export const calls = {
  async wait(call: Call, what: string, timeoutMs: number | undefined, all: boolean): Promise<string | null> {
    const vm = await running(call)
    const options = { timeoutMs: timeoutMs ?? vm.settings.timeout * 1000, all }
    return (await waitFor(vm, what, options, callerOf(call))) ?? null
  },
  async type(call: Call, text: string | Uint8Array, timeoutMs: number | undefined): Promise<void> {
    const vm = await running(call)
    const bytes = typeof text === 'string' ? parseTyped(text) : Buffer.from(text)
    await typeAt(vm, bytes, { timeoutMs: timeoutMs ?? vm.settings.timeout * 1000 }, callerOf(call))
  },
  typeOnScreen: async (call: Call, text: string) =>
    pressKeys(await running(call), keysFor(parseTyped(text).toString()), callerOf(call)),
  key: async (call: Call, keys: readonly string[]) => pressKeys(await running(call), keys.map(parseKeys), callerOf(call)),
  screenshot: async (call: Call) => takeScreenshot(await running(call), callerOf(call)),
  /** What it says is told by `piece`, as it comes. */
  async exec(call: Call, words: readonly string[], { timeoutMs, spool }: ExecLimits) {
    const vm = await running(call)
    const input = call.input === undefined ? undefined : await wholeOf(call.input)
    const take = (fd: 1 | 2, piece: Buffer): void => call.told('piece')?.(fd, piece)
    const { status, isTimedOut } = await execIn(vm, words, { input, timeoutMs, spool, take }, callerOf(call))
    return { status, isTimedOut }
  },
  async cp(call: Call, sources: readonly string[], destination: string): Promise<void> {
    const tell = call.told('onProgress')
    const onBytes = (doneBytes: number): void => tell?.(doneBytes, Infinity)
    await copyFiles(await running(call), [...sources, destination], { ...callerOf(call), onBytes })
  },
  async ssh(call: Call, words: readonly string[], timeoutMs: number | undefined): Promise<string[]> {
    const onWait = call.told('onWait')
    const limits = { ...(timeoutMs === undefined ? {} : { timeoutMs }), ...(onWait && { onWait }) }
    return sshCommand(await running(call), words, { ...callerOf(call), ...limits })
  },
  forward: async (call: Call, ports: readonly string[]) => addForwards(await running(call), parseForwards(ports), callerOf(call)),
  unforward: async (call: Call, ports: readonly string[]) =>
    removeForwards(await running(call), parseClosings(ports), callerOf(call)),
  /** What was opened; with the VM it is closed by itself. */
  async close(call: Call, ports: readonly string[]): Promise<void> {
    const vm = await running(call).catch((error: unknown) => {
      if (codeOf(error) !== 'VM_MISSING') throw error
      return undefined
    })
    if (vm === undefined || !isUp(vm)) return
    await removeForwards(vm, parseForwards(ports), callerOf(call)).catch((error: unknown) => {
      if (!['PORT_UNKNOWN', 'VM_NOT_RUNNING'].includes(codeOf(error) ?? '')) throw error
    })
  },
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Failure ? error.code : undefined
}

async function wholeOf(input: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of input) pieces.push(piece)
  return Buffer.concat(pieces)
}
