import { shorten } from '../core/quote.js'
import { waitFor } from '../vm/reach/wait.js'
import type { Verb } from './verb.js'

const drawEveryMs = 1000

export const wait: Verb = {
  help: `Waits until TEXT is on the console (the serial port), at most timeout seconds (60), and fails, with the end of the console, when it does
not come or the VM ends. It reads the log, so nothing is lost before it is typed, and somebody may be attached. Sequences that
colour text or move the cursor do not count, blanks are one blank, and a menu is read as the screen shows it. /REGEX/ is an
expression (flags i, s, u; ^ and $ are ends of lines).

What a wait has found is behind it: the next one, in the same line or a later one, looks at what came after that. A line that begins
with type looks at what comes from then on. --all looks at everything since power-on.

These words are no text; as a text on the console, write /running/:

  running, paused, stopped    the VM is so
  agent                       its guest agent answers
  ssh                         it answers by ssh
  port:N                      a program takes connections on the guest's port N, where a port leads there (forward)
  cloud-init                  cloud-init is done and went well; it is asked by the agent, or else by ssh

  nbsvm foo start wait 'login:' type 'root\\n' wait '# '
  nbsvm foo timeout=300 wait '/(login|Password): *$/'
  nbsvm foo start wait port:80 exec uptime
  nbsvm foo type 'poweroff\\n' wait stopped`,

  async run({ vm, words, flags, note, progress, signal }) {
    const [word = ''] = words
    const timeout = typeof flags['timeout'] === 'string' ? Number(flags['timeout']) : vm.settings.timeout
    let seconds = 0
    const timer = setInterval(
      () => progress(`${vm.id}: waiting for ${shorten(word, 40)}, ${++seconds} of ${timeout} s`),
      drawEveryMs,
    )
    try {
      const told = await waitFor(vm, word, { timeoutMs: timeout * 1000, all: flags['all'] === true }, { signal, note })
      if (told !== undefined) note(`${vm.id}: ${told}`)
    } finally {
      clearInterval(timer)
      progress(undefined)
    }
  },
}
