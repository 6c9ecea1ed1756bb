// Every action and every command, once. Help, man page, completion and the parser are made from this table; a new verb is
// one file and one row here.
// What nbsvm alone does, and does most often, is loaded with the program; all else when it is called.
import { UsageError } from '../core/errors.js'
import { parseNewSize } from '../core/size.js'
import { ls } from './ls.js'
import type { ActionRow, Command, Row, Takes } from './verb.js'

const none: Takes = { min: 0, max: 0 }
const one: Takes = { min: 1, max: 1 }

type Given = Pick<ActionRow, 'summary' | 'load'> & Partial<Omit<ActionRow, 'name' | 'takes'>>

function action(name: string, takes: Takes, row: Given): ActionRow {
  return { name, takes, words: '', flags: {}, needs: 'vm', makes: false, goesWithoutFiles: false, interactive: false, ...row }
}

/** About a VM as it runs. */
const onTheRun = { goesWithoutFiles: true } as const

const makesDrive = { needs: 'nothing', makes: true } as const

export const actions: readonly ActionRow[] = [
  action('newimg', none, {
    ...makesDrive,
    summary: "make the VM's next drive, empty, drive_size large",
    load: async () => (await import('./newimg.js')).newimg,
  }),
  action('snapshot', none, {
    ...makesDrive,
    summary: 'make its next drive as an instant copy-on-write copy of gold or source',
    load: async () => (await import('./snapshot.js')).snapshot,
  }),
  action('clone', none, {
    ...makesDrive,
    summary: 'make its next drive as a full copy of gold or source',
    load: async () => (await import('./clone.js')).clone,
  }),
  action('start', 'options', {
    words: '[QEMU options]',
    needs: 'bootable',
    makes: true,
    summary: 'start the VM; QEMU options may follow, up to --',
    check: checkOptions,
    load: async () => (await import('./start.js')).start,
  }),
  action('stop', none, { ...onTheRun, summary: 'end it now', load: async () => (await import('./stop.js')).stop }),
  action('shutdown', none, {
    ...onTheRun,
    summary: 'press the power button and wait until it is off (timeout)',
    load: async () => (await import('./shutdown.js')).shutdown,
  }),
  action('pause', none, {
    ...onTheRun,
    summary: 'stop its processors; RAM stays',
    load: async () => (await import('./pause.js')).pause,
  }),
  action('resume', none, {
    ...onTheRun,
    summary: 'let a paused VM go on',
    load: async () => (await import('./resume.js')).resume,
  }),
  action('reset', none, { ...onTheRun, summary: 'press the reset button', load: async () => (await import('./reset.js')).reset }),
  action('console', none, {
    ...onTheRun,
    interactive: true,
    summary: 'attach this terminal to the serial port; Ctrl-] leaves',
    load: async () => (await import('./console.js')).consoleVerb,
  }),
  action('monitor', none, {
    ...onTheRun,
    interactive: true,
    summary: "attach it to QEMU's monitor; Ctrl-] leaves",
    load: async () => (await import('./monitor.js')).monitor,
  }),
  action('vnc', none, {
    interactive: true,
    summary: 'show the screen in the VNC viewer that is installed',
    load: async () => (await import('./vnc.js')).vnc,
  }),
  action('log', none, {
    ...onTheRun,
    summary: "print the console's output since power-on",
    load: async () => (await import('./log.js')).log,
  }),
  action('status', none, {
    ...onTheRun,
    flags: { json: 'as a JSON object' },
    summary: 'tell state, reason, drives and ports; exit status 3 if not running',
    load: async () => (await import('./status.js')).status,
  }),
  action('explain', 'options', {
    words: '[QEMU options]',
    needs: 'nothing',
    summary: 'print each setting with its origin, and the QEMU command',
    check: checkOptions,
    load: async () => (await import('./explain.js')).explain,
  }),
  action('enable', none, {
    needs: 'bootable',
    summary: 'start and shut it down with this machine, by systemd',
    load: async () => (await import('./enable.js')).enable,
  }),
  action('disable', none, {
    needs: 'nothing',
    summary: 'undo enable',
    load: async () => (await import('./disable.js')).disable,
  }),
  action('resize', one, {
    words: 'SIZE',
    flags: { 'drive=N': 'which drive, where there are several', shrink: 'allow it to become smaller' },
    summary: 'change the size of its drive',
    check: ([size = ''], { drive }) => {
      parseNewSize(size, 0)
      if (drive !== undefined) checkNumber(String(drive))
    },
    load: async () => (await import('./resize.js')).resize,
  }),
  action('rm', none, {
    flags: { yes: 'do not ask' },
    summary: 'remove the VM: its drives and its drawer',
    load: async () => (await import('./rm.js')).rm,
  }),
  action('rm-drive', one, {
    words: 'N',
    flags: { yes: 'do not ask' },
    summary: 'remove its drive N',
    check: ([number = '']) => checkNumber(number),
    load: async () => (await import('./rm-drive.js')).rmDrive,
  }),
]

function checkNumber(text: string): void {
  if (!/^\d+$/.test(text))
    throw new UsageError(`${JSON.stringify(text)} is no number of a drive`, { hints: ['write it like 0 or 1'] })
}

/** Options of QEMU that would take the VM out of nbsvm's hands, or start none. */
const refusedOptions: Readonly<Record<string, string>> = {
  daemonize: 'QEMU is started in the background anyway',
  pidfile: 'nbsvm knows the VM by its own',
  runas: 'write run_as=USER before start',
  chroot: 'the sandbox is on anyway',
  help: "nbsvm's own: nbsvm help start; QEMU's: qemu-system-x86_64 --help",
  version: 'see: qemu-system-x86_64 --version',
}

function checkOptions(words: readonly string[]): void {
  for (const word of words) {
    const name = word === '-h' ? 'help' : (/^--?(?<name>[a-z]+)$/.exec(word)?.groups?.['name'] ?? '')
    if (!Object.hasOwn(refusedOptions, name)) continue
    throw new UsageError(`start takes no ${word}`, { hints: [refusedOptions[name] ?? ''] })
  }
}

function command(name: string, takes: Takes, row: Pick<Row<Command>, 'summary' | 'load'> & Partial<Row<Command>>): Row<Command> {
  return { name, takes, words: '', flags: {}, ...row }
}

const atMostOne: Takes = { min: 0, max: 1 }

export const commands: readonly Row<Command>[] = [
  command('ls', none, {
    flags: { json: 'as a JSON array', watch: 'draw it anew every second' },
    summary: 'list the VMs (nbsvm alone does it too)',
    load: async () => ls,
  }),
  command('doctor', none, {
    flags: { json: 'as a JSON array' },
    summary: 'tell what this machine can do, and what to type where it cannot',
    load: async () => (await import('./doctor.js')).doctor,
  }),
  command('help', atMostOne, {
    words: '[ACTION]',
    summary: 'explain nbsvm, or one action, command or setting',
    load: async () => (await import('./help.js')).help,
  }),
  command('completion', one, {
    words: 'SHELL',
    summary: 'print the completion script for bash, zsh or fish',
    load: async () => (await import('./completion.js')).completion,
  }),
  command('man', none, { summary: 'print the man page, for man(1)', load: async () => (await import('./man.js')).man }),
  command('version', none, { summary: 'print the version', load: async () => (await import('./version.js')).version }),
]

export const actionNames = actions.map(({ name }) => name)
export const commandNames = commands.map(({ name }) => name)
