import { describeDefault, settingNames, settingsTable } from '../config/settings.js'
import { version } from '../core/version.js'
import { entry, example, headline, indented, section, text } from './roff.js'
import { actions, commands } from './rows.js'
import type { Command, CommandContext, Row } from './verb.js'

export const man: Command = {
  help: `Prints the manual page in the language of man(1), made from the same tables as help. A package puts it where man finds it;
without one:

  nbsvm man | man -l -
  nbsvm man > ~/.local/share/man/man1/nbsvm.1    then: man nbsvm`,

  async run({ out, helpText }) {
    out(await manPage(helpText))
  },
}

type HelpText = CommandContext['helpText']

/** The page as roff text, with the macros of man(7). */
export async function manPage(helpText: HelpText): Promise<string> {
  return [
    headline('NBSVM', 1, `nbsvm ${version}`),
    section('NAME', text('nbsvm - create, start and interact with virtual machines')),
    section('SYNOPSIS', indented(synopsis)),
    section('DESCRIPTION', text(description)),
    section('ACTIONS', text(aboutActions), await entries(actions, helpText)),
    section('COMMANDS', await entries(commands, helpText)),
    section('SETTINGS', text(aboutSettings), settingEntries()),
    section('FILES', pairs(files)),
    section('ENVIRONMENT', pairs(variables)),
    section('EXIT STATUS', pairs(statuses)),
    section('EXAMPLES', examples.map(([what, lines]) => `${text(what)}\n${example(lines)}`).join('\n.PP\n')),
    section('SEE ALSO', text(seeAlso)),
  ].join('\n')
}

/** Each row with its words and flags, and what `nbsvm help` says of it. */
async function entries(rows: readonly Row[], helpText: HelpText): Promise<string> {
  const parts = rows.map(async ({ name, words, flags }) => {
    return entry(
      name,
      words,
      await helpText(name),
      ...Object.entries(flags).map(([flag, meaning]) => entry(`--${flag}`, '', meaning)),
    )
  })
  return (await Promise.all(parts)).join('\n')
}

function settingEntries(): string {
  const lines = settingNames.map((name) => {
    const { help, quantity } = settingsTable[name]
    const expects = quantity.choices === undefined ? `Expects ${quantity.expects}.` : `One of ${quantity.expects}.`
    return entry(`${name}=`, '', `${help.replace(/ \.{3}$/, '')}. ${expects} Default: ${describeDefault(name)}.`)
  })
  return lines.join('\n')
}

function pairs(rows: readonly (readonly [name: string, meaning: string])[]): string {
  return rows.map(([name, meaning]) => entry(name, '', meaning)).join('\n')
}

const synopsis = `nbsvm VM [setting=value ...] ACTION [words] [ACTION [words] ...]
nbsvm COMMAND [words]`

const description = `nbsvm creates, starts and interacts with virtual machines. There is no daemon and no database: what exists is a QEMU process, its
sockets in a folder (the drawer), and its drives in a store. Every command finds the truth by looking.

VM is a name, several with commas between them (web1,web2), or a pattern in quotes ('web*') for those that exist. A name has letters,
digits, ".", "_" and "-", first a letter or digit, 64 at most. Several VMs are worked on side by side, and each line of output
bears its VM's name. HOST:VM is a VM of another machine, whose own nbsvm runs the line, by ssh(1); HOST as ssh calls it. HOST: COMMAND is
a command there. The files of cp, run and screenshot, and those that user_data, password and ssh_key name, are the caller's then, and
travel; all others are files of that machine. vnc and forward come through the connection.

The whole line is read and checked before its first action runs. Actions run from left to right and stop at the first that fails. Without
an action it is status; without a VM it is ls.`

const aboutActions = `Words after start that begin with "-" are QEMU options, up to "--" or the end of the line.`

const aboutSettings = `A setting is taken from the first of these that has it: the command line; the environment; the VM's file; its class's file;
default.class; the built-in default. Files hold shell assignments and are read, never run: comments, quotes, $x, \${x}, \${x:-word},
args=(-a "b c"), args+=(...) and ". FILE" are understood. $vm, $class and $drawer can be used.

A class comes from class=, else from the name the program was called by: winvm, a link to nbsvm, is class win. With a class, the VM's
drawer, drives and file bear the name CLASS-VM.`

const files = [
  [
    '~/.config/nbsvm/, /etc/nbsvm/',
    "Settings: [CLASS-]VM.vm, CLASS.class, default.class. The user's file is above the system's at the same rank. Root has /etc/nbsvm only.",
  ],
  [
    '~/.local/share/nbsvm/vms/ID/, /var/lib/nbsvm/vms/ID/',
    "The VM's record, machine.json: class, UUID, MAC addresses, generation id, and the machine type and CPU of its first start.",
  ],
  [
    '~/.local/state/nbsvm/ID/, /var/lib/nbsvm/ID/',
    "The VM's drawer (a user's, root's): lock, pidfile, sockets, logs, the journal of events and the command as it was started.",
  ],
  ['~/.local/share/nbsvm/drives/, /var/lib/nbsvm/drives/', 'Drives that are files: nbsvm-ID-N.qcow2 or .raw, first 0.'],
  ['/dev/VG/nbsvm-ID-N', 'Drives that are LVM volumes (store=lvm).'],
] as const

const variables = [
  ['any setting', 'As on the command line, one rank below it: mem=2048 nbsvm foo start.'],
  ['class', "The VM's class."],
  ['NBSVM_HOME', 'A folder that holds everything instead: state, drives and config.'],
  [
    'XDG_STATE_HOME, XDG_DATA_HOME, XDG_CONFIG_HOME',
    "A user's folders, in place of ~/.local/state, ~/.local/share and ~/.config.",
  ],
  ['TERM', 'On a terminal that is dumb, no progress is drawn.'],
] as const

const statuses = [
  ['0', 'Done.'],
  ['1', 'An action failed; those after it were not begun.'],
  ['2', 'Usage error: the line, a name or a settings file is wrong; nothing was done.'],
  ['3', 'From status: the VM is not running.'],
] as const

const examples = [
  ['A drive, a running VM, its serial console:', 'nbsvm foo newimg start console'],
  ['Install from a CD image and watch:', 'nbsvm foo newimg start -cdrom debian.iso -- vnc'],
  ['Copies of one VM, each independent of it:', 'nbsvm web1,web2 gold=debian snapshot start'],
  ['More RAM for this start; hardware without virtio:', 'nbsvm foo mem=2G drive_if=sata net_if=e1000 start'],
  [
    'On another machine, by its own nbsvm and ssh; those of two machines as one list:',
    'nbsvm box2:web start\nnbsvm ls box1: box2:',
  ],
  ['Restart; shut down all that begin with web:', "nbsvm foo stop start\nnbsvm 'web*' shutdown"],
  ["Reach the guest's SSH port:", 'nbsvm foo forward=2222:22 start'],
  ['What would be run, and where each setting comes from:', 'nbsvm foo explain'],
] as const

const seeAlso = 'qemu-system-x86_64(1), qemu-img(1), lvm(8), ip-link(8), flock(1)'
