// The shells that lead into a running VM's guest: by its agent, by ssh.
import { eitherSignal, type Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { quoteWords } from '../../core/words.js'
import { bestScript, rootScript } from '../../guest/script.js'
import { agentShell, scriptFailure, type GuestShell } from '../../guest/shell.js'
import { behindMark, mark } from '../../remote/command.js'
import { flow } from '../../sys/flow.js'
import { agentAnswers, agentTurns } from '../life/agent.js'
import type { Vm } from '../record/vm.js'
import { recentAnswer, sshAnswers } from './banner.js'
import { sshCommand } from './ssh.js'

/** So long a guest may take to say the banner of its ssh: with an agent there, nobody waits for it. */
const sshLookMs = 1500

/** Less than this goes by the agent before ssh has logged in. */
export const soonBytes = 4 * 1024 ** 2

/**
 * The best way to a shell in the guest, for so many bytes. Both are root's, so that it makes no difference in the guest: an ssh that
 * cannot become root is taken only where there is no agent. Without either, the shell says what is missing.
 */
export async function guestShell(vm: Vm, doing: string, bytes: number, caller: Caller = {}): Promise<GuestShell> {
  const byAgent = agentShell(agentTurns(vm, doing, caller), caller.signal)
  const hasAgent = await agentAnswers(vm, caller)
  if (hasAgent && bytes < soonBytes) return byAgent
  const leads = hasSsh(vm, caller)
  if (hasAgent) return either(sshShell(vm, rootScript, caller), byAgent, leads)
  return (await leads) ? sshShell(vm, bestScript, caller) : byAgent
}

async function hasSsh(vm: Vm, { signal }: Caller): Promise<boolean> {
  if (recentAnswer(vm) !== undefined) return true
  const limit = eitherSignal(AbortSignal.timeout(sshLookMs), signal)
  const answers = await sshAnswers(vm, { signal: limit }).catch(() => false)
  signal?.throwIfAborted()
  return answers
}

/**
 * Goes by ssh, where that leads to root, which only a login tells. That takes longer than all that a small script does by the agent,
 * and while one does, `answers` comes.
 */
function either(bySsh: GuestShell, byAgent: GuestShell, answers: Promise<boolean>): GuestShell {
  // It rejects where the caller has had enough, and then nobody may be waiting for it.
  let leads = answers
  leads.catch(() => {})
  return async (script) => {
    if ((script.input === undefined && script.saysMuch !== true) || !(await leads)) return byAgent(script)
    try {
      await bySsh(script)
    } catch (error) {
      if (!(error instanceof NotBegun)) throw error
      leads = Promise.resolve(false)
      await byAgent(script)
    }
  }
}

/** The script has not begun: nobody may log in, or become root, or it is no system of that kind. */
class NotBegun extends Failure {}

/** `runner` runs a script as somebody. */
function sshShell(vm: Vm, runner: string, { signal }: Caller): GuestShell {
  return async ({ text, words, input, take }) => {
    // The guest's own shell, whichever it is, reads one command.
    const line = quoteWords(['sh', '-c', runner, 'sh', `echo ${mark}\n${text}`, ...words])
    const [program = 'ssh', ...options] = await sshCommand(vm, [line], { signal })
    const command = [program, '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR', ...options]
    let hasBegun = false
    const behind = behindMark(take ?? (() => {}), () => (hasBegun = true))
    const { status, stderr } = await flow(command, { input: input?.(), take: behind, signal })
    if (!hasBegun) throw new NotBegun(scriptFailure(status, stderr).message)
    if (status !== 0) throw scriptFailure(status, stderr)
  }
}
