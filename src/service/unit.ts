// The systemd unit that starts a VM with the machine and shuts it down with it: its text, from plain data. Pure.
// Rules of quoting: https://www.freedesktop.org/software/systemd/man/systemd.syntax.html and, for command lines,
// systemd.service(5), "Command lines".
import { UsageError } from '../core/errors.js'

/** The first line of every unit that `enable` writes begins so: what does not is somebody else's, and left alone. */
export const unitMark = '# Made by nbsvm enable.'

/** How long systemd waits for `start`, which itself waits a minute for QEMU's answer. */
const startTimeoutSeconds = 120

/** `shutdown` gives up first and says why; then QEMU, asked by SIGTERM, gets the same time to write its drives out. */
const extraStopSeconds = 15

/** All that a unit is made from. */
export interface Unit {
  readonly id: string
  /** How the user calls the VM, for a comment: `nbsvm foo class=win`. */
  readonly call: string
  /** Whether it is for the system's manager, root's, and not for one user's. */
  readonly isSystem: boolean
  /** The program as it is called from anywhere: absolute path of node, absolute path of nbsvm. */
  readonly program: readonly string[]
  /** The words that name the VM: name, `class=` and settings in place. */
  readonly vmWords: readonly string[]
  /** Variables that it is run with. */
  readonly environment: Readonly<Record<string, string>>
  /** Folders that must be mounted before. */
  readonly folders: readonly string[]
  readonly pidFile: string
  /** How long the guest may take to shut down: the setting `timeout`. */
  readonly timeoutSeconds: number
  /** It needs bridges, which are there once the network is. */
  readonly needsNetwork: boolean
}

/** The name of a VM's unit; an id has no letter that a unit's name may not have. */
export function unitName(id: string): string {
  return `nbsvm-${id}.service`
}

/** The whole unit. Throws UsageError for a path with a line break and its like, which systemd does not take. */
export function unitText(unit: Unit): string {
  for (const path of [...unit.program, ...unit.folders, unit.pidFile]) refuseControl(path, /\p{Cc}/u)
  for (const value of Object.values(unit.environment)) refuseControl(value, /[^\P{Cc}\t\n]/u)
  const tool = unit.isSystem ? 'systemctl' : 'systemctl --user'
  return `${unitMark} Undo it with: ${unit.call} disable
# Change it by drop-ins, which stay when enable is called again: ${tool} edit ${unitName(unit.id)}
# Node.js and nbsvm are named by their absolute paths, and PATH is that of whoever called enable: systemd's own may lead elsewhere.

[Unit]
Description=Virtual machine ${unit.id} (nbsvm)
${[...orderLines(unit), `RequiresMountsFor=${unit.folders.map(word).join(' ')}`].join('\n')}

[Service]
# start returns once QEMU answers. QEMU goes on and is the service: it is the process in PIDFile.
Type=forking
PIDFile=${percent(unit.pidFile)}
${environmentLines(unit.environment)}ExecStart=${commandLine([...unit.program, ...unit.vmWords, 'start'])}
TimeoutStartSec=${startTimeoutSeconds}
# shutdown presses the power button and waits. A guest that runs on after that is ended: QEMU first, then what belongs to it.
ExecStop=${commandLine([...unit.program, ...unit.vmWords, 'shutdown'])}
TimeoutStopSec=${unit.timeoutSeconds + extraStopSeconds}
KillMode=mixed

[Install]
WantedBy=${unit.isSystem ? 'multi-user.target' : 'default.target'}
`
}

/**
 * The order holds at the end too, the other way round: the VM is shut down before network and volumes are. A user's manager
 * knows none of these.
 */
function orderLines({ isSystem, needsNetwork }: Unit): string[] {
  if (!isSystem) return []
  const network = needsNetwork ? 'network-online.target' : 'network.target'
  return [...(needsNetwork ? [`Wants=${network}`] : []), `After=${network} blk-availability.service`]
}

function environmentLines(environment: Unit['environment']): string {
  return Object.entries(environment)
    .map(([name, value]) => `Environment=${word(`${name}=${value}`)}\n`)
    .join('')
}

/**
 * systemd replaces variables in all words but the first, the program's path, where a `$` is a `$`. It refuses a path with
 * quotes or backslashes; a shell does not.
 */
function commandLine(words: readonly string[]): string {
  const isOdd = /["'\\]/.test(words[0] ?? '')
  const [program = '', ...rest] = isOdd ? ['/bin/sh', '-c', 'exec "$@"', 'sh', ...words] : words
  return [word(program), ...rest.map((text) => word(text).replaceAll('$', '$$$$'))].join(' ')
}

/** One word: quoted where it must be, with nothing in it that systemd would replace but `$`. */
function word(text: string): string {
  if (/^[\w@:,./+=-]+$/.test(text)) return text
  const escaped = text.replaceAll(/[\\"]/g, String.raw`\$&`).replaceAll(/\p{Cc}/gu, escapeControl)
  return `"${percent(escaped)}"`
}

/** UTF-8 has two bytes for a control character from U+0080 on, and `\x` writes a byte: `\u` writes a character. */
function escapeControl(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** `%h` and its like stand for something, `%%` for a percent sign. */
function percent(text: string): string {
  return text.replaceAll('%', '%%')
}

function refuseControl(text: string, refused: RegExp): void {
  if (!refused.test(text)) return
  throw new UsageError(`systemd cannot be told of ${JSON.stringify(text)}: it holds a line break or the like`)
}
