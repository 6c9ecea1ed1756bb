import { attach } from '../console/attach.js'
import { readLog, trimLog } from '../console/log.js'
import { requireRunning } from '../vm/life/up.js'
import type { Verb } from './verb.js'

/** More than a screenful: as much of it is shown as fits, so that the prompt is seen that was printed before anybody looked. */
const shownBefore = 8000

export const consoleVerb: Verb = {
  help: `Attaches this terminal to the VM's serial port, where the BIOS and boot menus speak too. Ctrl-] leaves; the VM goes on. What was
said last is shown first; all of it: nbsvm foo log. One at a time: a second one is told who has it. Without a terminal, stdin is
sent, and what comes is printed until the guest has been silent for a second; with nothing to send (</dev/null) until the VM ends:

  nbsvm foo console
  echo uptime | nbsvm foo console`,

  async run({ vm, note, signal }) {
    const { drawer, id, settings } = vm
    requireRunning(vm, 'attach to')
    const housekeeping = (): void => trimLog(drawer.consoleLog, settings.log_size)
    housekeeping()
    const before = readLog(drawer.consoleLog, shownBefore)
    await attach({
      id,
      kind: 'console',
      socketPath: drawer.console,
      lockPath: drawer.consoleLock,
      before,
      note,
      signal,
      housekeeping,
    })
  },
}
