import { UsageError } from '../core/errors.js'
import { quote } from '../core/quote.js'
import { readInput } from '../sys/input.js'
import { isAltered } from '../sys/self.js'
import { execIn } from '../vm/reach/exec.js'
import type { Context, Verb } from './verb.js'

/** What is read before the program starts is in memory until then. */
const mostInputBytes = 1024 ** 3

export const exec: Verb = {
  help: `Runs a program in the guest, as root, through its guest agent (qemu-guest-agent): no network is needed. All words up to "--" are the
program and its arguments, given to it exactly as they are; no shell reads them. The exit status is the program's: 128 + N if signal N
ended it, 126 or 127 if it cannot be run, 124 if --timeout ended it, 255 if nbsvm could not do it (no agent, above all).

  nbsvm foo exec uname -a
  nbsvm foo exec --timeout=60 apt-get -y upgrade -- console
  nbsvm foo exec sh -c 'cd /srv && ls | wc -l'
  tar c site | nbsvm foo exec tar x -C /srv

stdin, where it is no terminal, is read to its end and then given to the program; </dev/null gives none. What the program says comes when
it has ended, as the agent cannot send it on: for a shell, or what takes long, use ssh or console. The agent keeps the first 16M; with
--spool a file in the guest keeps all of it. Its environment is a login's of root (PATH, HOME), its folder is /. One that goes on in the
background must let go of its output: exec sh -c 'server >/dev/null 2>&1 &'. Ctrl-C ends the program and what it has started.`,

  async run(context) {
    const { vm, words, flags, note, outBytes, signal } = context
    const altered = words.find(isAltered)
    if (altered !== undefined) {
      throw new UsageError(`${quote(altered)} is not UTF-8, and a guest agent takes nothing else`, {
        hints: [`write such bytes as octal: exec sh -c 'cat "$(printf "caf\\351")"'`],
      })
    }
    const seconds = typeof flags['timeout'] === 'string' ? Number(flags['timeout']) : undefined
    const input = await wholeInput(context)
    const options = {
      input,
      spool: flags['spool'] === true ? true : undefined,
      timeoutMs: seconds === undefined ? undefined : seconds * 1000,
      take: outBytes,
    }
    const { status, isTimedOut } = await execIn(vm, words, options, { signal })
    if (isTimedOut) note(`${words[0]} took longer than ${seconds} s, so it was ended in the guest`)
    return status
  },
}

let whole: Promise<Buffer | undefined> | undefined

/** All of stdin, which each exec of a line gets, and each of its VMs; undefined where there is none. */
export function wholeInput({ note, signal }: Pick<Context, 'note' | 'signal'>): Promise<Buffer | undefined> {
  const onWaiting = (): void => note('waiting for the end of stdin; </dev/null gives none')
  whole ??= readInput({ mostBytes: mostInputBytes, signal, onWaiting })
  return whole
}
