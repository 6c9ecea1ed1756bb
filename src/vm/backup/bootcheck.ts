// Whether a backup boots: a VM is made of it, without a network, started, waited for, and removed again, whatever comes of it.
import { createLookout } from '../../console/lookout.js'
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { printable } from '../../core/text.js'
import type { Outside } from '../../host/place.js'
import type { OnProgress } from '../../store/store.js'
import { deadlineIn, monotonicMs, pause } from '../../sys/clock.js'
import { list, lstat, makePrivateFolder, readTail } from '../../sys/file.js'
import { removeTree } from '../../sys/removal.js'
import { randomHex } from '../../sys/stamp.js'
import { whenKilled } from '../../sys/talk.js'
import { agentAnswers } from '../life/agent.js'
import { endAndRemove } from '../life/remove.js'
import { startVm } from '../life/start.js'
import { isUp } from '../life/up.js'
import { recordFolder } from '../record/record.js'
import { openVm, type Vm } from '../record/vm.js'
import { restoreVm } from './restore.js'

export interface BootTested {
  /** How long it took from its start. */
  readonly ms: number
  /** What was seen: `its agent answers`, or the last line of its console. */
  readonly heard: string
}

export interface BootTesting extends Caller {
  readonly outside: Outside
  readonly onProgress: OnProgress
}

/** A processor that is translated takes minutes to boot a large system. */
const leastTimeoutMs = 300_000
const lookMs = 500
const shownBytes = 16 * 1024
const longestLine = 200

/** It is given nothing of this machine, and reaches nobody. */
const alone = {
  store: 'dir',
  network: 'none',
  forward: 'none',
  share: 'none',
  cdrom: 'none',
  usb: 'none',
  args: 'none',
  drives: '',
}

/** Throws a Failure where it does not come to a prompt in time. */
export async function bootTest(
  vm: Vm,
  { dir, when }: { readonly dir: string; readonly when: string },
  { outside, note, signal, onProgress }: BootTesting,
): Promise<BootTested> {
  sweepTests(vm)
  const name = `boot-test-${randomHex(4)}`
  const config = `${vm.place.records}/.${name}`
  makePrivateFolder(config)
  const place = { ...outside.place, config: { ...outside.place.config, userFolder: config } }
  const inside: Outside = { ...outside, place, vmClass: undefined, line: { ...outside.line, ...alone } }
  const watch = whenKilled([name, 'stop', 'rm', '--yes'])
  try {
    await restoreVm(await openVm(name, inside), { dir, from: vm.id, when }, { outside: inside, note, signal, onProgress })
    const test = await openVm(name, inside)
    await startVm(test, [], { note, signal })
    return await untilPrompt(await openVm(name, inside), when, Math.max(leastTimeoutMs, vm.settings.timeout * 1000), signal)
  } finally {
    await endAndRemove(await openVm(name, inside))
    removeTree(config)
    watch.dismiss()
  }
}

/** Settings of tests that were killed: the VM itself went with them. */
function sweepTests({ place }: Vm): void {
  for (const name of list(place.records).filter((one) => /^\.boot-test-[0-9a-f]{8}$/.test(one)))
    if (lstat(recordFolder(place, name.slice(1))) === undefined) removeTree(`${place.records}/${name}`)
}

async function untilPrompt(test: Vm, when: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<BootTested> {
  const fromMs = monotonicMs()
  for (const deadline = deadlineIn(timeoutMs); ; await pause(lookMs, signal)) {
    const line = lastLine(test)
    if (/(?:login|password): *$|[#$>] *$/i.test(line))
      return { ms: monotonicMs() - fromMs, heard: `it says ${JSON.stringify(line)}` }
    if (await agentAnswers(test, { signal })) return { ms: monotonicMs() - fromMs, heard: 'its agent answers' }
    const isOver = !isUp(test)
    if (!isOver && !deadline.isOver) continue
    const what = isOver ? 'it ended' : `it came to no prompt within ${Math.round(timeoutMs / 1000)} s`
    throw new Failure(`${when} does not boot: ${what}; the last that its console said: ${JSON.stringify(line)}`, {
      code: 'TIMEOUT',
    })
  }
}

function lastLine({ drawer }: Vm): string {
  const lookout = createLookout()
  lookout.push(Buffer.from(readTail(drawer.consoleLog, shownBytes) ?? ''))
  return printable(lookout.lines().findLast((line) => line.trim() !== '') ?? '').slice(-longestLine)
}
