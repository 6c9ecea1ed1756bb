// The file systems of a guest stand still for a moment, by its agent: what is on the drives then is whole for them, and needs no repair. They
// go on for certain: in the end of the call, or by the watch where this process is killed (settle.ts).
import type { Caller } from '../../core/caller.js'
import { messageOf } from '../../core/errors.js'
import { hasAgent } from '../../qemu/device/port.js'
import type { Qmp } from '../../qemu/qmp.js'
import { monotonicMs } from '../../sys/clock.js'
import { lstat, remove, writeWhole } from '../../sys/file.js'
import { agentTurns } from '../life/agent.js'
import type { Drawer } from '../record/drawer.js'
import type { Vm } from '../record/vm.js'

/** A guest that writes very much takes so long at most; then the backup goes without. */
const freezeTimeoutMs = 5000
const thawTimeoutMs = 10_000
const thawTries = 3

/** There as long as they may stand still. */
const markOf = ({ folder }: Pick<Drawer, 'folder'>): string => `${folder}/files-stand-still`

export interface Stood<T> {
  readonly result: T
  /** Absent where they did not stand still. */
  readonly filesStoodMs?: number
}

/** Does `work` while they stand still, or without that where there is no agent, or it is not asked for. */
export async function whileFilesStand<T>(
  vm: Vm,
  qmp: Qmp,
  isAsked: boolean,
  caller: Caller,
  work: () => Promise<T>,
): Promise<Stood<T>> {
  if (!isAsked || !hasAgent(await qmp.execute('query-chardev'))) return { result: await work() }
  const fromMs = monotonicMs()
  writeWhole(markOf(vm.drawer), '')
  let stands = false
  try {
    try {
      const turn = agentTurns(vm, 'have the file systems stand still', caller)
      stands = (await turn((agent) => agent.ask('guest-fsfreeze-freeze', {}, { timeoutMs: freezeTimeoutMs }))) > 0
    } catch (error) {
      caller.signal?.throwIfAborted()
      caller.note?.(`the file systems of its guest did not stand still for it: ${messageOf(error)}`)
    }
    const result = await work()
    return { result, ...(stands ? { filesStoodMs: monotonicMs() - fromMs } : {}) }
  } finally {
    // Also where the answer was no, or none came: some may stand still.
    await letFilesGo(vm, caller)
  }
}

/** Has them go on. Nothing is done where they never stood still. */
export async function letFilesGo(vm: Vm, { note }: Caller): Promise<void> {
  if (lstat(markOf(vm.drawer)) === undefined) return
  for (let tries = 1; ; tries++) {
    try {
      const turn = agentTurns(vm, 'have the file systems go on')
      await turn((agent) => agent.ask('guest-fsfreeze-thaw', {}, { timeoutMs: thawTimeoutMs }), 'anyway')
      break
    } catch (error) {
      if (tries < thawTries) continue
      note?.(`its guest may wait for its file systems to go on: ${messageOf(error)}`)
      break
    }
  }
  remove(markOf(vm.drawer))
}
