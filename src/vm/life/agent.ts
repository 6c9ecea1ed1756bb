// The way to the agent in a running VM's guest: one client at a time, and a reason where there is none.
import { eitherSignal, type Caller } from '../../core/caller.js'
import { errorCode, Failure } from '../../core/errors.js'
import { AgentRefused, withAgent, type Agent, type Turn } from '../../guest/agent.js'
import { guestFacts, guestTraffic, type GuestFacts, type Traffic } from '../../guest/facts.js'
import { hasAgent } from '../../qemu/device/port.js'
import { withQmp } from '../../qemu/qmp.js'
import { deadlineIn } from '../../sys/clock.js'
import { holderOf, waitLock } from '../../sys/lock.js'
import { readAdded } from '../record/added.js'
import type { Vm } from '../record/vm.js'
import { requireSocket } from './up.js'

/** Whoever has the agent gives it back after a second, or when it does not answer. */
const lockWaitMs = 30_000
const qmpTimeoutMs = 2000

/**
 * Turns with the agent of a running VM, for what is being done: `run date`. Throws a Failure where the VM does not run; each turn
 * rejects with one where no agent answers.
 */
export function agentTurns(vm: Vm, doing: string, { signal }: Caller = {}): Turn {
  requireSocket(vm, `${doing} in`, 'agent')
  return async (work, how) => {
    const till = how === 'anyway' ? undefined : signal
    const lock = await waitLock(vm.drawer.agentLock, lockWaitMs, 'exclusive', { doing: `${doing} in ${vm.id}`, signal: till })
    if (lock === undefined) throw taken(vm, doing)
    try {
      return await withAgent(vm.drawer.agent, { signal: till, whyNot: () => whyNot(vm, doing) }, work)
    } catch (error) {
      throw explained(vm, doing, error)
    } finally {
      lock.release()
    }
  }
}

/** Whether an agent answers in the guest. Asks for as long as `signal` allows, and a second at most. */
export async function agentAnswers(vm: Vm, { signal }: Caller = {}): Promise<boolean> {
  const limit = eitherSignal(AbortSignal.timeout(1000), signal)
  try {
    return await agentTurns(vm, 'look for the agent', { signal: limit })(() => Promise.resolve(true))
  } catch {
    signal?.throwIfAborted()
    return false
  }
}

/** Why the agent cannot answer, as QEMU sees it; undefined where it should. */
async function whyNot(vm: Vm, doing: string): Promise<Failure | undefined> {
  const { status, isOpen } = await withQmp(vm.drawer.qmp, { timeoutMs: qmpTimeoutMs }, async (qmp) => {
    const [{ status }, ports] = await Promise.all([qmp.execute('query-status'), qmp.execute('query-chardev')])
    return { status, isOpen: hasAgent(ports, readAdded(vm.drawer).adopted) }
  })
  if (status !== 'running') {
    return new Failure(`cannot ${doing} in ${vm.id}: its guest does not run (${status})`, {
      code: 'VM_NOT_RUNNING',
      hints: [`let it go on: ${vm.call} resume`],
    })
  }
  return isOpen ? undefined : noAgent(vm, doing)
}

/** What to type where the guest has no agent. */
function noAgent({ id, call }: Vm, doing: string): Failure {
  return new Failure(`cannot ${doing} in ${id}: no guest agent is running there`, {
    code: 'AGENT_SILENT',
    hints: [
      `if it is still booting: ${call} wait agent`,
      'if the guest has none, install it there: apt install qemu-guest-agent (or dnf, zypper, apk, pacman)',
      `over its network instead: ${call} ssh`,
    ],
  })
}

function taken({ id, drawer }: Vm, doing: string): Failure {
  const holder = holderOf(drawer.agentLock)
  const who = holder === undefined ? 'another nbsvm has' : `pid ${holder.pid} has`
  const why = holder === undefined ? '' : ` (${holder.doing})`
  return new Failure(`cannot ${doing} in ${id}: ${who} its guest agent${why}`, {
    code: 'BUSY',
    hints: [holder === undefined ? `see who: fuser -v ${drawer.agentLock}` : `wait for it, or end it: kill ${holder.pid}`],
  })
}

/** What the system, or an agent, says of itself, for people. */
function explained(vm: Vm, doing: string, error: unknown): unknown {
  const code = errorCode(error)
  if (code === 'ENOENT') {
    return new Failure(`cannot ${doing} in ${vm.id}: it was started without a port for the guest agent`, {
      code: 'AGENT_SILENT',
      hints: [`start it again: ${vm.call} shutdown start`],
    })
  }
  if (code === 'ECONNREFUSED' || code === 'EAGAIN') {
    return new Failure(`cannot ${doing} in ${vm.id}: QEMU does not take connections to the guest agent`, {
      code: 'AGENT_SILENT',
      cause: error,
    })
  }
  if (error instanceof AgentRefused && error.class === 'CommandNotFound') {
    return new Failure(`cannot ${doing} in ${vm.id}: its guest agent does not allow it: ${error.desc}`, {
      code: 'AGENT_REFUSED',
      hints: [
        'Fedora, Rocky, AlmaLinux, CentOS: allow it in the guest, in /etc/sysconfig/qemu-ga, then systemctl restart qemu-guest-agent',
        `over its network instead: ${vm.call} ssh`,
      ],
    })
  }
  return error instanceof Failure && !error.message.startsWith('cannot ')
    ? new Failure(`cannot ${doing} in ${vm.id}`, { cause: error, hints: error.hints })
    : error
}

/** So much longer an agent that hangs makes a look. */
const lookMs = 300

/** What the guest says of itself; undefined where its agent does not answer at once. For a guest whose agent is at its port. */
export function factsOf(vm: Vm, caller: Caller = {}): Promise<GuestFacts | undefined> {
  return atOnce(vm, guestFacts, caller)
}

/** What its network cards have carried, in the same way. */
export function trafficOf(vm: Vm, caller: Caller = {}): Promise<Traffic | undefined> {
  return atOnce(vm, guestTraffic, caller)
}

async function atOnce<T>(
  vm: Vm,
  ask: (agent: Agent, timeoutMs: number) => Promise<T>,
  { signal }: Caller,
): Promise<T | undefined> {
  const deadline = deadlineIn(lookMs)
  const limit = eitherSignal(AbortSignal.timeout(lookMs), signal)
  try {
    return await agentTurns(vm, 'look', { signal: limit })((agent) => ask(agent, deadline.leftMs))
  } catch {
    signal?.throwIfAborted()
    return undefined
  }
}

/** Asks the guest to shut down, through its agent. Says whether that was taken. */
export async function askToShutDown(vm: Vm, { signal }: Caller = {}): Promise<boolean> {
  try {
    await agentTurns(vm, 'shut down', { signal })((agent) => agent.tell('guest-shutdown', { mode: 'powerdown' }))
    return true
  } catch {
    signal?.throwIfAborted()
    return false
  }
}
