import { attachConsole } from '../vm/life/attach.js'
import type { Verb } from './verb.js'

export const consoleVerb: Verb = {
  help: `Attaches this terminal to the VM's serial port, where the BIOS and boot menus speak too. Ctrl-] leaves; the VM goes on. What was
said last is shown first; all of it: nbsvm foo log. One at a time: a second one is told who has it. Without a terminal, stdin is
sent, and what comes is printed until the guest has been silent for a second; with nothing to send (</dev/null) until the VM ends:

  nbsvm foo console
  echo uptime | nbsvm foo console`,

  async run({ vm, note, signal }) {
    await attachConsole(vm, { note, signal })
  },
}
