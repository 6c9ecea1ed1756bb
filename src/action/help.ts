import { describeDefault, isSettingName, settingNames, settingsTable } from '../config/settings.js'
import { UsageError } from '../core/errors.js'
import { nearest } from '../core/nearest.js'
import { columns } from '../core/table.js'
import { userFields } from '../image/userentry.js'
import { actions, commands } from './rows.js'
import type { Command, CommandContext, Row } from './verb.js'

export const help: Command = {
  help: `Explains nbsvm as a whole, or one action, command or setting.

  nbsvm help
  nbsvm help start
  nbsvm help drive_if`,

  async run({ words, out, helpText }) {
    const [about] = words
    out(about === undefined ? overview() : await helpOn(about, helpText))
  },
}

function overview(): string {
  return `nbsvm creates, starts and interacts with virtual machines.

  nbsvm VM [setting=value ...] ACTION [words] [ACTION [words] ...]
  nbsvm COMMAND [words]

  nbsvm foo newimg start console         a drive, a running VM, its serial console
  nbsvm foo start -cdrom x.iso -- vnc    QEMU options after start, ended by --
  nbsvm foo mem=2048 start               a setting, in place
  nbsvm web1,web2 shutdown               several VMs; 'web*' matches those that exist
  nbsvm box2:web start                   on another machine, by ssh; nbsvm ls box1: box2:
  nbsvm                                  the list;  nbsvm foo: the status of foo

${topics.actions()}

${topics.commands()}

${topics.settings()}

More: nbsvm help ACTION, nbsvm foo explain, man nbsvm`
}

/** The parts of the overview, each of which can be asked for by its name. */
const topics: Readonly<Record<'actions' | 'commands' | 'settings', () => string>> = {
  actions: () => `Actions\n${rows(actions)}`,
  commands: () => `Commands\n${rows(commands)}`,
  settings:
    () => `Settings, from strong to weak: on the command line, in the environment, in the files [CLASS-]VM.vm, CLASS.class and
default.class of ~/.config/nbsvm and /etc/nbsvm
${columns(settingNames.map((name) => [`  ${name}`, `${settingsTable[name].help} [${describeDefault(name)}]`])).join('\n')}`,
}

function rows(table: readonly Row[]): string {
  return columns(table.map((row) => [`  ${synopsis(row)}`, row.summary])).join('\n')
}

/** `resize SIZE` */
export function synopsis({ name, words }: Row): string {
  return words === '' ? name : `${name} ${words}`
}

const classPage = `class: a set of defaults with a name, the file CLASS.class

  nbsvm foo class=win start      the settings of win.class are below foo's own, and above default.class
  winvm foo start                the same, where winvm is a link to nbsvm

With a class a VM's id is CLASS-VM: its drives, its drawer and its file, CLASS-VM.vm, bear that name. It can be said on the line, in the
environment, or by the name that nbsvm is called by.

  nbsvm win11 class=windows newimg start -cdrom Win11.iso

The class windows is built in: UEFI with secure boot, a TPM, a clock in local time, enlightenments of Hyper-V, and devices that Windows has
drivers for. What it sets: nbsvm foo class=windows explain. A file windows.class of yours goes over it.`

const imagePage = `  nbsvm web image=debian newimg                     the newest Debian of 'nbsvm images': what is here of it, else the vendor's newest
  nbsvm web image=debian-13@latest newimg           what the vendor's list names now
  nbsvm web image=debian-13@20260712-2537 newimg    a build, where the vendor names builds
  nbsvm web image='https://HOST/x.qcow2#sha256:HEX' newimg    from anywhere, if it is this very file; #unchecked takes whatever comes
  nbsvm web image=/srv/x.qcow2 newimg               a file of this machine; a copy of it is kept
  nbsvm web image=mmdebstrap:trixie newimg          a Debian or Ubuntu that is built here, from packages that apt checks

A file ~/.config/nbsvm/NAME.image describes an image of your own, or says what is to be otherwise for one of the list. It holds
assignments, as settings files do:

  # debian-13.image: fetched from a mirror; what it must be is still asked of Debian
  mirror=https://mirror.example.org

  # ours.image: nbsvm web image=ours newimg
  like=debian-13
  url=https://images.example.org/ours.qcow2
  list='{file}.sha256' list_format=gnu
  signature='{file}.sha256.asc' keyring=$HOME/ours.gpg keys=(0123456789ABCDEF0123456789ABCDEF01234567)

What it can say:
${columns(Object.entries(userFields).map(([field, meaning]) => [`  ${field}`, meaning])).join('\n')}`

async function helpOn(about: string, helpText: CommandContext['helpText']): Promise<string> {
  if (about === 'class') return classPage
  if (isTopic(about)) return topics[about]()
  const action = actions.find(({ name }) => name === about)
  const command = commands.find(({ name }) => name === about)
  const parts: string[] = []
  if (action !== undefined) parts.push(page(`nbsvm VM ${synopsis(action)}`, action, await helpText(about)))
  if (command !== undefined) parts.push(page(`nbsvm ${synopsis(command)}`, command, await helpText(about)))
  if (isSettingName(about)) parts.push(settingPage(about))
  if (parts.length > 0) return parts.join('\n\n')
  const near = nearest(about, [...actions, ...commands].map(({ name }) => name).concat(settingNames))
  throw new UsageError(
    `there is no action, command or setting ${JSON.stringify(about)}${near === undefined ? '' : `; did you mean ${near}?`}`,
    {
      hints: ['see them all: nbsvm help'],
    },
  )
}

function isTopic(word: string): word is keyof typeof topics {
  return Object.hasOwn(topics, word)
}

function page(synopsisLine: string, { flags }: Row, text: string): string {
  const names = Object.entries(flags).map(([flag, meaning]) => [`  --${flag}`, meaning])
  return [synopsisLine, text, ...(names.length > 0 ? [columns(names).join('\n')] : [])].join('\n\n')
}

function settingPage(name: (typeof settingNames)[number]): string {
  const { help: meaning, quantity } = settingsTable[name]
  const more = name === 'image' ? `\n\n${imagePage}` : ''
  return `${name}: ${meaning}\n\n  expects  ${quantity.expects}\n  default  ${describeDefault(name)}${more}`
}
