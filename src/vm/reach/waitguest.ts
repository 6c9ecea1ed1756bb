// Waiting for what runs in a VM's guest: its agent, an ssh server, cloud-init, whatever listens on a port.
import { eitherSignal, type Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { longerSeconds } from '../../core/patience.js'
import { printable } from '../../core/text.js'
import { deadlineIn, pause, type Deadline } from '../../sys/clock.js'
import { run } from '../../sys/process.js'
import { agentAnswers } from '../life/agent.js'
import { requireRunning } from '../life/up.js'
import type { Vm } from '../record/vm.js'
import { consoleEnd, doingOf, isGone, whyGone } from './doing.js'
import { execCollecting } from './exec.js'
import { bannerQuestions, sshAnswers } from './banner.js'
import { portAnswers } from './port.js'
import { sshCommand } from './ssh.js'

const lookEveryMs = 300

/** What is waited for, and the question that tells. */
interface Probe {
  /** `its guest agent does not answer`. */
  readonly silent: string
  /** What to type for `wait`. */
  readonly word: string
  readonly answers: (vm: Vm, caller: Caller) => Promise<boolean>
}

const agent: Probe = { silent: 'its guest agent does not answer', word: 'agent', answers: agentAnswers }

/** Resolves when the guest's agent answers. */
export function waitForAgent(vm: Vm, timeoutMs: number, caller: Caller): Promise<void> {
  return waitForProbe(vm, agent, deadlineIn(timeoutMs), caller)
}

/** Resolves when an ssh server greets. */
export async function waitForSsh(vm: Vm, timeoutMs: number, caller: Caller): Promise<void> {
  const questions = bannerQuestions(vm)
  const answers: Probe['answers'] = async (_, asking) => (await questions.ask(asking)) !== undefined
  try {
    await waitForProbe(vm, { silent: 'its ssh does not answer', word: 'ssh', answers }, deadlineIn(timeoutMs), caller)
  } finally {
    questions.close()
  }
}

/** Resolves when a program takes connections on a TCP port of the guest. */
export function waitForPort(vm: Vm, port: number, timeoutMs: number, caller: Caller): Promise<void> {
  const answers: Probe['answers'] = (vm, caller) => portAnswers(vm, port, caller)
  return waitForProbe(
    vm,
    { silent: `port ${port} of its guest does not answer`, word: `port:${port}`, answers },
    deadlineIn(timeoutMs),
    caller,
  )
}

/** Resolves when cloud-init is done; rejects with what it says where that went wrong. It is asked by the agent, or else by ssh. */
export async function waitForCloudInit(vm: Vm, timeoutMs: number, caller: Caller): Promise<void> {
  const deadline = deadlineIn(timeoutMs)
  let ask = byAgent
  const answers: Probe['answers'] = async (vm, caller) => {
    const hasAgent = await agentAnswers(vm, caller)
    ask = hasAgent ? byAgent : bySsh
    return hasAgent || sshAnswers(vm, caller).catch(() => false)
  }
  await waitForProbe(vm, { silent: 'neither its guest agent nor its ssh answers', word: 'cloud-init', answers }, deadline, caller)
  const { status, said } = await ask(
    vm,
    ['cloud-init', 'status', '--wait', '--long'],
    Math.ceil(Math.max(1, deadline.leftMs)),
    caller,
  )
  // 2: done, with errors that it got over.
  if (status === 0 || status === 2) return
  if (deadline.isOver) throw late(vm, 'cloud-init', 'cloud-init is not done', timeoutMs)
  const why = status === 127 ? 'there is none in this guest' : `it ended with ${status}`
  throw new Failure(
    [`cloud-init of ${vm.id} has failed: ${why}`, printable(said.trim().slice(0, 2000))].filter(Boolean).join('\n'),
    {
      hints: [`its log: ${vm.call} ${ask === byAgent ? 'exec' : 'ssh'} cat /var/log/cloud-init.log`],
    },
  )
}

/** Runs a program in the guest; `said` is all that it said. */
type Ask = (vm: Vm, words: readonly string[], timeoutMs: number, caller: Caller) => Promise<{ status: number; said: string }>

const byAgent: Ask = async (vm, words, timeoutMs, caller) => {
  const { status, stdout, stderr } = await execCollecting(vm, words, { timeoutMs }, caller)
  return { status, said: `${stdout.toString()}${stderr.toString()}` }
}

const bySsh: Ask = async (vm, words, timeoutMs, { signal }) => {
  const [program = 'ssh', ...rest] = await sshCommand(vm, words, { signal, timeoutMs })
  const limits = signal === undefined ? {} : { signal }
  const { status, stdout, stderr } = await run([program, '-o', 'BatchMode=yes', ...rest], { ...limits, timeoutMs })
  return { status, said: stdout + stderr }
}

async function waitForProbe(vm: Vm, { silent, word, answers }: Probe, deadline: Deadline, caller: Caller): Promise<void> {
  requireRunning(vm, 'wait for')
  const timeoutMs = deadline.leftMs
  for (;;) {
    const isOver = deadline.isOver
    if (await isAnswered(vm, answers, deadline, caller)) return
    if (isGone(vm.drawer)) {
      const { words } = await whyGone(vm.drawer)
      throw new Failure(`${vm.id}: ${silent}, and the VM is gone: ${words}\n${consoleEnd(vm)}`, {
        code: 'VM_NOT_RUNNING',
        hints: [`all that it said: ${vm.call} log`],
      })
    }
    if (isOver) throw late(vm, word, silent, timeoutMs)
    await pause(Math.min(lookEveryMs, deadline.leftMs), caller.signal)
  }
}

/** One question, which ends with the time that there is; the last one gets some all the same. */
async function isAnswered(vm: Vm, answers: Probe['answers'], { leftMs }: Deadline, { signal }: Caller): Promise<boolean> {
  const limit = eitherSignal(AbortSignal.timeout(Math.ceil(Math.max(leastMs, leftMs))), signal)
  try {
    return await answers(vm, { signal: limit })
  } catch (error) {
    signal?.throwIfAborted()
    // QEMU may just be going down.
    if (limit.aborted || isGone(vm.drawer)) return false
    throw error
  }
}

const leastMs = 1000

function late(vm: Vm, word: string, silent: string, timeoutMs: number): Failure {
  const seconds = Math.round(timeoutMs / 1000)
  return new Failure(`${vm.id}: ${silent} within ${seconds} seconds; ${doingOf(vm.drawer)}\n${consoleEnd(vm)}`, {
    code: 'TIMEOUT',
    hints: [`wait longer: ${vm.call} timeout=${longerSeconds(timeoutMs)} wait ${word}`, `all that it said: ${vm.call} log`],
  })
}
