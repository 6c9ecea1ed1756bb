// The shells that lead into a running VM's guest: by its agent, by ssh.
import type { Caller } from '../../core/caller.js'
import { quoteWords } from '../../core/words.js'
import { asRootScript, whoScript } from '../../guest/script.js'
import { agentShell, requireSuccess, type GuestShell } from '../../guest/shell.js'
import { stat, writeInto } from '../../sys/file.js'
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
  if ((hasAgent && bytes < soonBytes) || !(await hasSsh(vm, caller))) return byAgent
  const bySsh = sshShell(vm, caller)
  if (!hasAgent) return bySsh
  if (!(await leadsToRoot(vm, bySsh))) return byAgent
  // A login takes longer than all that a small script does.
  return (script) => (script.input === undefined && script.saysMuch !== true ? byAgent : bySsh)(script)
}

async function hasSsh(vm: Vm, { signal }: Caller): Promise<boolean> {
  if (recentAnswer(vm) !== undefined) return true
  const limit = AbortSignal.any([AbortSignal.timeout(sshLookMs), ...(signal === undefined ? [] : [signal])])
  const answers = await sshAnswers(vm, { signal: limit }).catch(() => false)
  signal?.throwIfAborted()
  return answers
}

/** Looked at once a run of the VM, which is a login. */
async function leadsToRoot({ drawer }: Vm, bySsh: GuestShell): Promise<boolean> {
  if (stat(drawer.sshRoot) !== undefined) return true
  const isThere = await isRoot(bySsh)
  if (isThere) writeInto(drawer.sshRoot, '')
  return isThere
}

async function isRoot(shell: GuestShell): Promise<boolean> {
  let said = ''
  try {
    await shell({ text: whoScript, words: [], take: (piece) => (said += piece.toString('utf8', 0, 20)) })
  } catch {
    return false // nobody may log in, or what is there is no system of that kind
  }
  return said === '0\n'
}

function sshShell(vm: Vm, caller: Caller): GuestShell {
  return async ({ text, words, input, take }) => {
    // The guest's own shell, whichever it is, reads one command.
    const line = quoteWords(['sh', '-c', asRootScript, 'sh', text, ...words])
    const [program = 'ssh', ...options] = await sshCommand(vm, [line], { signal: caller.signal })
    const command = [program, '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR', ...options]
    const { status, stderr } = await flow(command, { input, take, signal: caller.signal })
    requireSuccess(status, stderr)
  }
}
