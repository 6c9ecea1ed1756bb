import path from 'node:path'
import { hasScreen } from '../console/viewer.js'
import type { Vm } from '../vm/record/vm.js'
import { parseBase } from '../web/base.js'
import { actionNames } from '../web/line.js'
import { runWeb } from '../web/web.js'
import { actions as actionRows } from './rows.js'
import type { Command, CommandContext, Verb } from './verb.js'

const help = `Until Ctrl-C a page is served that does what the command line does: the list with pictures of the screens, a VM's screen, console,
log and settings, making, starting and ending VMs; each button shows its line. Nothing of it comes from the network.

A link is printed, and opened in your browser where there is a screen (--no-open: it is not). It is good for one browser, once; nbsvm web
again prints another one. Nobody else gets in: the page is served on the loopback address alone, and what a link is swapped for stays in
your browser. Who is in can do all to the VMs, but runs no program of this machine, and hands none of its files to a guest.

  nbsvm web                              all VMs
  nbsvm foo web                          this VM alone
  nbsvm web --view                       for looking only
  nbsvm web --socket=/run/user/1000/web  a unix socket that only you can connect to, in place of a port;
                                         from another machine: ssh -L 8000:/run/user/1000/web HOST
  nbsvm web --port=8000 --base=https://vm.example.org/nbsvm
                                         behind a reverse proxy, which must keep others out and leave the path as it is

A VM that is called web is meant where more follows: nbsvm web start.`

export const web: Command = {
  help,
  run: (context) => serve(context, undefined),
}

export const webVerb: Verb = {
  help,
  run: (context) => serve(context, context.vm),
}

async function serve(context: Omit<CommandContext, 'helpText'>, vm: Vm | undefined): Promise<void> {
  const { flags, out, note, signal, outside, runLine } = context
  const { port, socket } = flags
  const actions = actionRows.filter(({ name }) => actionNames.includes(name))
  await runWeb({
    only: vm?.id,
    viewOnly: flags['view'] === true,
    place:
      socket === undefined ? { port: port === undefined ? undefined : Number(port) } : { file: path.resolve(String(socket)) },
    base: parseBase(String(flags['base'] ?? '/')) ?? { path: '/', origin: undefined },
    opens: flags['no-open'] !== true && hasScreen(outside.environment),
    actions: actions.map(({ name, words, summary }) => ({ name, words, summary })),
    // A page names VMs by their ids, which say their class.
    outside: { ...outside, vmClass: undefined, line: {} },
    runLine,
    out,
    note,
    signal,
  })
}
