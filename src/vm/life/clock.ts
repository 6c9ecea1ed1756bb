// The clock of a guest, by its agent: the host's time.
import type { Caller } from '../../core/caller.js'
import { messageOf } from '../../core/errors.js'
import { AgentRefused, type Agent, type Turn } from '../../guest/agent.js'
import { hasAgent } from '../../qemu/device/port.js'
import { withQmp } from '../../qemu/qmp.js'
import type { Vm } from '../record/vm.js'
import { agentTurns } from './agent.js'

/** So far the guest's clock may be from the host's, in milliseconds. */
const closeMs = 50
const clockTries = 8
/** A clock that follows, but not closely yet, is that of a guest on a busy machine: each try is wrong by another delay. */
const followingTries = 40
/** Nearer than that it follows, in milliseconds. */
const followsMs = 1000

const qmpTimeoutMs = 5000

/** However much comes meanwhile, an answer is there by then. */
const limits = { timeoutMs: 15_000 }

/** How far the guest's clock is ahead of the host's, in milliseconds, give or take half of what the question took. */
export async function offsetOf(agent: Agent): Promise<number> {
  return (await look(agent)).aheadMs
}

interface Look {
  readonly aheadMs: number
  /** Half of what the question took: `aheadMs` is wrong by that at most. */
  readonly doubtMs: number
}

async function look(agent: Agent): Promise<Look> {
  const [asked, begun] = [Date.now(), performance.now()]
  const nanoseconds = await agent.ask('guest-get-time', {}, limits)
  const halfMs = (performance.now() - begun) / 2
  return { aheadMs: nanoseconds / 1e6 - (asked + halfMs), doubtMs: halfMs }
}

/**
 * Sets a guest's clock to the host's, within 50 ms, unless it is that already. An agent that sets a clock may want to tell the hardware's
 * too, and fail with that alone, so only what the clock shows afterwards counts. Says whether it is right.
 */
export function setClock(turn: Turn): Promise<boolean> {
  return turn(async (agent) => {
    let lateMs = 0
    let isWrong = true
    let isFollowing = false
    for (let tries = 0; tries < (isFollowing ? followingTries : clockTries); tries++) {
      const { aheadMs, doubtMs } = await look(agent)
      if (Math.abs(aheadMs) + doubtMs < closeMs) return true
      isWrong = Math.abs(aheadMs) - doubtMs > closeMs
      // Asked again at once where the answer took too long to say anything.
      if (Math.abs(aheadMs) <= doubtMs) continue
      isFollowing = tries > 0 && Math.abs(aheadMs) < followsMs
      // By half: the next delay is not this one.
      if (isFollowing) lateMs -= aheadMs / 2
      await agent.ask('guest-set-time', { time: Math.round((Date.now() + lateMs) * 1e6) }, limits).catch((error: unknown) => {
        if (!(error instanceof AgentRefused)) throw error
      })
    }
    // On a machine so busy that no answer says it nobody else can see it either.
    return !isWrong
  })
}

/** The same for a guest that went on from the past, where it has an agent; what is in the way is told. */
export async function setClockIfHeard(vm: Vm, { signal, note }: Caller): Promise<void> {
  const { drawer, id } = vm
  const ports = await withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs, signal }, (qmp) => qmp.execute('query-chardev'))
  if (!hasAgent(ports)) return
  const tell = (why: string): void => note?.(`the clock of ${id} shows the time of then: ${why}`)
  try {
    if (!(await setClock(agentTurns(vm, 'set the clock', { signal })))) tell('its agent cannot set it')
  } catch (error) {
    signal?.throwIfAborted()
    tell(messageOf(error))
  }
}
