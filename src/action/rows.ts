// Every action once, and every command (commandrows.ts): what the line needs to know of them before any of their code is loaded.
// Help, man page, completion and the parser are made from these rows; `load.ts` says where the code is.
import { checkOptions } from '../config/options.js'
import { parseTyped } from '../console/escapes.js'
import { UsageError } from '../core/errors.js'
import { quote } from '../core/quote.js'
import { parseNewSize, parseSize } from '../core/size.js'
import { quoteWords } from '../core/words.js'
import { checkWeb, webFlags } from './commandrows.js'
import { keysFor, parseKeys } from '../qemu/keycode.js'
import { parseCopying } from '../guest/sides.js'
import { checkExec, checkForward, checkMove, checkNumber, checkPicture, checkWait } from './rowcheck.js'
import { action, many, maybeOne, none, one, onTheRun, rest } from './actionrow.js'
import { fileActions } from './filerows.js'
import { stateActions } from './staterows.js'
import type { ActionRow } from './verb.js'

export { commands } from './commandrows.js'

const makesDrive = { needs: 'nothing', makes: true } as const

export const actions: readonly ActionRow[] = [
  action('newimg', none, {
    ...makesDrive,
    summary: "make the VM's next drive, empty, drive_size large",
  }),
  action('snapshot', none, {
    ...makesDrive,
    summary: 'make its next drive as an instant copy-on-write copy of gold or source',
  }),
  action('clone', none, {
    ...makesDrive,
    summary: 'make its next drive as a full copy of gold or source',
  }),
  action('start', 'options', {
    words: '[QEMU options]',
    flags: {
      'if-needed': 'a VM that runs already is not an error',
      fresh: 'boot it, whatever save has kept of its RAM',
    },
    needs: 'bootable',
    makes: true,
    summary: 'start the VM; QEMU options may follow, up to --',
    check: checkOptions,
  }),
  action('stop', none, { ...onTheRun, summary: 'end it now' }),
  action('shutdown', none, {
    ...onTheRun,
    summary: 'press the power button and wait until it is off (timeout)',
  }),
  action('pause', none, { ...onTheRun, summary: 'stop its processors; RAM stays' }),
  action('resume', none, { ...onTheRun, summary: 'let a paused VM go on, wake one that sleeps' }),
  action('reset', none, { ...onTheRun, summary: 'press the reset button' }),
  action('ssh', rest, {
    ...onTheRun,
    words: '[COMMAND...]',
    interactive: true,
    givesStatus: true,
    summary: 'log in to the guest, or run a command there, by ssh',
  }),
  action('console', none, {
    ...onTheRun,
    interactive: true,
    summary: 'attach this terminal to the serial port; Ctrl-] leaves',
  }),
  action('monitor', none, {
    ...onTheRun,
    interactive: true,
    summary: "attach it to QEMU's monitor; Ctrl-] leaves",
  }),
  action('vnc', none, {
    interactive: true,
    flags: { socket: 'only serve it, on a socket of your own, whose path is printed' },
    summary: 'show the screen in the VNC viewer that is installed',
  }),
  action('web', none, {
    ...onTheRun,
    interactive: true,
    flags: webFlags,
    summary: 'serve a page with it to your browser, until Ctrl-C',
    check: (_, flags) => checkWeb(flags),
  }),
  action(
    'exec',
    { min: 1, max: 'all' },
    {
      ...onTheRun,
      words: 'CMD ...',
      reads: 'stdin',
      givesStatus: true,
      flags: { 'timeout=S': 'end it after S seconds', spool: 'for more than 16M of output' },
      summary: 'run a program in the guest, by its guest agent; up to --',
      check: checkExec,
    },
  ),
  action(
    'cp',
    { min: 2, max: 'all' },
    {
      ...onTheRun,
      words: 'SRC ... DST',
      summary: "copy files and folders into the guest or out of it; the guest's paths begin with a colon",
      check: (words) => void parseCopying(words),
    },
  ),
  action('log', none, { ...onTheRun, summary: "print the console's output since power-on" }),
  action('wait', one, {
    ...onTheRun,
    words: 'TEXT|STATE',
    flags: { 'timeout=SECONDS': 'in place of the setting timeout', all: 'look at all since power-on again' },
    summary: 'wait until TEXT or /REGEX/ is on the console, or for a state: stopped, agent, ssh, port:80 ...',
    check: checkWait,
  }),
  action('type', one, {
    ...onTheRun,
    words: 'TEXT',
    flags: { screen: "on the screen's keyboard" },
    summary: "type TEXT at the serial port; '\\n' is Enter",
    check: ([text = ''], { screen }) => {
      const bytes = parseTyped(text)
      if (screen === true) keysFor(bytes.toString())
    },
  }),
  action('key', many, {
    ...onTheRun,
    words: 'KEY ...',
    summary: 'press keys of its keyboard, like ctrl-alt-f2; -- ends them',
    check: checkKeys,
  }),
  action('screenshot', one, {
    ...onTheRun,
    words: 'FILE.png',
    summary: 'write a picture of its screen',
    check: checkPicture,
  }),
  action('run', one, {
    ...onTheRun,
    words: 'STEPS',
    needs: 'nothing',
    summary: 'do what a file of actions says, line by line, and tell how long each took',
  }),
  action('status', none, {
    ...onTheRun,
    flags: { json: 'as a JSON object' },
    summary: 'tell state, reason, drives and ports; exit status 3 if not running',
  }),
  action('explain', 'options', {
    words: '[QEMU options]',
    flags: { json: 'as a JSON object' },
    needs: 'nothing',
    summary: 'print each setting with its origin, and the QEMU command',
    check: checkOptions,
  }),
  ...fileActions,
  action('enable', none, {
    needs: 'bootable',
    summary: 'start and shut it down with this machine, by systemd',
  }),
  action('disable', none, { needs: 'nothing', summary: 'undo enable' }),
  action('forward', many, {
    ...onTheRun,
    words: 'PORTS ...',
    flags: { remove: 'close them again', hold: 'until Ctrl-C, which closes them' },
    summary: 'open ports into it while it runs: 8080:80',
    check: checkForward,
  }),
  action('attach', one, {
    words: 'WHAT',
    flags: { 'read-only': 'the guest may not write to it' },
    summary: 'add a drive, disk image, disc or USB device while it runs',
  }),
  action('detach', one, {
    ...onTheRun,
    words: 'WHAT',
    summary: 'take away what was attached',
  }),
  action('eject', none, {
    ...onTheRun,
    flags: { 'drive=NAME': 'which disc drive, where several have a disc', force: 'although the guest uses it' },
    summary: 'take the disc out of its drive',
  }),
  action('balloon', one, {
    ...onTheRun,
    words: 'SIZE',
    summary: 'let the guest have less RAM while it runs, or more again',
    check: ([size = '']) => void parseSize(size, 'M'),
  }),
  action('freeze', none, {
    ...onTheRun,
    flags: { rm: 'remove the template', settle: 'undo what a freeze that was killed has left' },
    summary: 'make a template of it as it runs, for fork',
  }),
  action('fork', none, {
    needs: 'nothing',
    makes: true,
    summary: 'start a copy of gold as it was when it was frozen',
  }),
  ...stateActions,
  action('resize', one, {
    words: 'SIZE',
    flags: { 'drive=N': 'which drive, where there are several', shrink: 'allow it to become smaller' },
    summary: 'change the size of its drive',
    check: ([size = ''], { drive }) => {
      parseNewSize(size, 0)
      if (drive !== undefined) checkNumber(String(drive))
    },
  }),
  action('move', maybeOne, {
    ...onTheRun,
    words: '[HOST]',
    needs: 'nothing',
    flags: {
      'downtime=MS': 'how long its guest may stand still',
      settle: 'finish or undo a move that was cut off',
      keep: 'it stays here, where the other machine is gone for good',
    },
    summary: 'take it to another machine, as it runs',
    check: checkMove,
  }),
  action('send', none, { summary: 'write it to stdout, all of it, for receive' }),
  action('receive', none, {
    needs: 'nothing',
    makes: true,
    reads: 'stream',
    flags: { 'settle=TOKEN': 'tell what became of a move' },
    summary: 'make a VM of what send wrote, from stdin',
  }),
  action('rm', none, {
    reads: 'consent',
    flags: { yes: 'do not ask' },
    summary: 'remove the VM: its drives and its drawer',
  }),
  action('rm-drive', one, {
    words: 'N',
    reads: 'consent',
    flags: { yes: 'do not ask' },
    summary: 'remove its drive N',
    check: ([number = '']) => checkNumber(number),
  }),
]

function checkKeys(words: readonly string[]): void {
  words.forEach((word, at) => {
    try {
      parseKeys(word)
    } catch (error) {
      // `key ret wait x`: what is next in the line.
      if (at === 0 || !actions.some(({ name }) => name === word)) throw error
      const ended = quoteWords([...words.slice(0, at), '--', ...words.slice(at)])
      throw new UsageError(`${quote(word)} is not a key`, { hints: [`-- ends the keys: key ${ended}`] })
    }
  })
}
