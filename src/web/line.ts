// Which lines of the command line a page may have run. Who gets into the page gets the VMs, and not the machine that they are on: nothing
// that runs a program of the host, hands its files or folders to a guest, or has QEMU told what is not looked at. A VM whose settings
// file says such things is started with them like any other. Pure.
import { settingNames, settingsTable, describeDefault, isSettingName, type SettingName } from '../config/settings.js'
import { UsageError } from '../core/errors.js'
import { isGlob } from '../core/glob.js'
import { quote } from '../core/quote.js'
import type { WireSetting } from './protocol.js'

/** A line as the command line has read it, and found right. */
export interface ReadLine {
  readonly kind: 'command' | 'vm'
  /** Names of VMs; none for a command. */
  readonly targets: readonly string[]
  /** Settings in place, `class` among them. */
  readonly settings: Readonly<Record<string, string>>
  readonly steps: readonly {
    readonly name: string
    readonly words: readonly string[]
    readonly flags: Readonly<Record<string, string | true>>
  }[]
}

/** The actions that a page may name, each with the flags that it may have; those of `must` it has to have. */
const actions: Readonly<Record<string, { readonly may?: readonly string[]; readonly must?: string }>> = {
  newimg: {},
  snapshot: {},
  clone: {},
  start: { may: ['if-needed'] },
  stop: {},
  shutdown: {},
  pause: {},
  resume: {},
  reset: {},
  type: { may: ['screen'] },
  key: {},
  forward: { may: ['remove'] },
  detach: {},
  eject: { may: ['drive', 'force'] },
  balloon: {},
  resize: { may: ['drive', 'shrink'] },
  // Nobody is at the terminal who could be asked.
  rm: { must: 'yes' },
  'rm-drive': { must: 'yes' },
}

export const actionNames: readonly string[] = Object.keys(actions)

/** They show what is on another VM's drives. */
const copies: ReadonlySet<string> = new Set(['snapshot', 'clone'])

/** What may be written for a setting: no quotes, no path. */
const plain = /^[\w.,:+=*@ -]*$/
/** No list of further options either. */
const word = /^[\w.-]*$/
/** A name of the catalogue, or a URL with what must come from there. */
const imageName = /^(?:[\w.-]+(?:@latest)?|https?:\/\/[^\s#]+#sha(?:256|512):[0-9a-f]+)$/
/** Keys themselves: a path would be read. */
const keys = /^(?:none|(?:(?:^| )(?:ssh|ecdsa|sk)-[\w@.-]+ [\w+=][\w+/=]*(?: [\w@.-]+)?)+)$/
/** Only to be switched off. */
const none = /^(?:none|\s*)$/

/** Each setting, and what a page may write for it; `none` where it names a program, files or words for QEMU. */
const values: Readonly<Record<SettingName, RegExp>> = {
  mem: plain,
  smp: plain,
  drives: none,
  drive_if: plain,
  aio: plain,
  iothread: plain,
  image: imageName,
  user: plain,
  ssh_key: keys,
  password: none,
  packages: plain,
  user_data: none,
  drive_size: plain,
  cdrom: none,
  display: none,
  vnc_port: plain,
  viewer: none,
  store: plain,
  vg: plain,
  pool: plain,
  ceph_conf: none,
  ceph_user: plain,
  snapshot_size: plain,
  gold: plain,
  snapshot_lv: none,
  source: none,
  bs: none,
  ddargs: none,
  usb: none,
  network: none,
  net_if: word,
  mac: plain,
  forward: /^[\w.,:+=*@\s/-]*$/,
  share: none,
  bridge: none,
  vhost: plain,
  args: none,
  cpu: plain,
  firmware: plain,
  tpm: plain,
  rtc: plain,
  arch: plain,
  machine: word,
  accel: plain,
  ram: plain,
  balloon: plain,
  movable: plain,
  identity: plain,
  run_as: none,
  qemu: none,
  timeout: plain,
  log_size: plain,
  trust_source: none,
}

/** The settings that a form may offer. */
export function offeredSettings(): WireSetting[] {
  return settingNames
    .filter((name) => values[name] !== none && name !== 'vnc_port')
    .map((name) => {
      const { quantity, help } = settingsTable[name]
      const { expects, choices = null } = quantity as { readonly expects: string; readonly choices?: readonly string[] }
      return { name, help, expects, choices, default: describeDefault(name) }
    })
}

/** Throws a UsageError for a line that is not for pages; `only`: the id of the one VM that this page is about. */
export function checkLine({ kind, targets, settings, steps }: ReadLine, only: string | undefined): void {
  if (kind === 'command') return checkCommand(steps, only)
  const [target = '', ...others] = targets
  if (others.length > 0 || isGlob(target)) throw notFromHere('several VMs in one line')
  if (only !== undefined && target !== only) throw new UsageError(`this page is about ${only} alone`)
  for (const [name, value] of Object.entries(settings)) checkSetting(name, value, only)
  for (const { name, words, flags } of steps) {
    if (only !== undefined && copies.has(name)) throw new UsageError(`this page is about ${only} alone`)
    const known = Object.hasOwn(actions, name) ? actions[name] : undefined
    if (known === undefined) throw notFromHere(name)
    const odd = Object.keys(flags).find((flag) => flag !== known.must && known.may?.includes(flag) !== true)
    if (odd !== undefined) throw notFromHere(`${name} --${odd}`)
    if (known.must !== undefined && flags[known.must] === undefined) throw notFromHere(`${name} without --${known.must}`)
    if (name === 'start' && words.length > 0) throw notFromHere('start with QEMU options')
  }
}

function checkCommand([step]: ReadLine['steps'], only: string | undefined): void {
  const isPull = step?.name === 'images' && step.words[0] === 'pull' && only === undefined
  if (!isPull) throw notFromHere(step?.name ?? '')
  const wrong = step.words.slice(1).find((name) => !imageName.test(name))
  if (wrong !== undefined) throw notFromHere(`the image ${quote(wrong)}`)
}

function checkSetting(name: string, value: string, only: string | undefined): void {
  const leavesIt = name === 'class' || name === 'gold'
  if (leavesIt && only !== undefined) throw new UsageError(`this page is about ${only} alone`)
  if (name === 'class') return
  if (!isSettingName(name) || !values[name].test(value)) {
    throw new UsageError(`${name}=${quote(value)} cannot be set from a page`, {
      hints: ['set it on the command line, or in the settings file of the VM: nbsvm help settings'],
    })
  }
}

function notFromHere(what: string): UsageError {
  return new UsageError(`${what}: not from a page`, { hints: ['type it on the command line'] })
}
