import { isTerminal } from '../sys/output.js'
import { runHere } from '../sys/process.js'
import { explainSsh, sshCommand } from '../vm/reach/ssh.js'
import type { Verb } from './verb.js'

/** What ssh ends with when it has failed itself. */
const sshFailed = 255

export const ssh: Verb = {
  help: `Logs in to the guest by this machine's ssh, or runs a command there. It waits until the guest answers, ten minutes at most (or timeout
seconds, where that is set), and tells on a terminal how long it has waited. What follows ssh is ssh's own, up to "--" or the end of the
line: options, then the command and its arguments, which the guest's shell reads, as ssh has it. The exit status is the command's; 255 if
it was not run: the guest does not answer, or lets nobody in.

  nbsvm web ssh
  nbsvm web ssh make -C /src test
  nbsvm web ssh 'cd /src && make test'    quoted, for the guest's shell
  nbsvm web ssh -L 8080:localhost:80      ssh's own options
  nbsvm web start ssh uptime -- stop

nbsvm has a key for each guest, and has given the guest its own, so nothing is asked. Whom it logs in as: user, else the user of the
image. For rsync, scp and editors: nbsvm help ssh-config. Without a network: nbsvm help exec`,

  async run({ vm, words, note, progress, signal }) {
    const waited = (ms: number): void => progress(`waiting until ${vm.id} answers by ssh: ${Math.round(ms / 1000)} s`)
    const command = await sshCommand(vm, words, { signal, onWait: waited }).finally(() => progress(undefined))
    // As somebody who sits there expects it of `ssh top`; in a pipe a terminal would change what is written.
    const isThere = words.length > 0 && ([0, 1, 2] as const).every(isTerminal)
    const [program = 'ssh', ...options] = command
    const status = await runHere([program, ...(isThere ? ['-t'] : []), ...options], signal)
    const why = status === sshFailed ? await explainSsh(vm, { signal }) : undefined
    if (why !== undefined) note(`${vm.id}: ${why}`)
    return status
  },
}
