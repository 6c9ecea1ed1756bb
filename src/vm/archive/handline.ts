// The command line of a QEMU that runs, as it was typed by hand: which sockets it has, and what nbsvm needs to start the same
// machine. Pure.
import { quoteWords, splitWords } from '../../core/words.js'
import type { SettingName } from '../../config/settings.js'
import { agentPort } from '../../qemu/device/port.js'
import { readJson, readPairs } from './qemupairs.js'
import { readQemuOptions } from './qemuline.js'
import type { LineOption } from './qemuoptions.js'

/** Paths of unix sockets on which QEMU serves, as they stand in the line. */
export interface LineSockets {
  readonly qmp: string | undefined
  readonly monitor: string | undefined
  readonly console: string | undefined
  readonly agent: string | undefined
  readonly vnc: string | undefined
  /** The name of the character device that `agent` is of. */
  readonly agentName: string | undefined
}

const serial = /^(?:isa-serial|pci-serial|usb-serial|virtconsole|sclpconsole|spapr-vty)$/

/** Finds the first of each kind. */
export function socketsOf(options: readonly LineOption[]): LineSockets {
  const chardevs = new Map<string, string>()
  for (const { option, value } of options) {
    if (option !== '-chardev') continue
    const said = readPairs(value, 'backend')
    const [id, path] = [said.get('id'), said.get('path')]
    if (said.get('backend') === 'socket' && id !== undefined && path !== undefined && serves(said)) chardevs.set(id, path)
  }
  const pathOf = (device: string): string | undefined => {
    const text = device.replace(/^mon:/, '')
    if (text.startsWith('chardev:')) return chardevs.get(text.slice('chardev:'.length))
    const said = text.startsWith('unix:') ? readPairs(text.slice('unix:'.length), 'path') : undefined
    return said !== undefined && serves(said) ? said.get('path') : undefined
  }
  const found: { -readonly [K in keyof LineSockets]?: LineSockets[K] } = {}
  for (const { option, value } of options) {
    if (option === '-qmp' || option === '-qmp-pretty') found.qmp ??= pathOf(value)
    else if (option === '-monitor') found.monitor ??= pathOf(value)
    else if (option === '-serial') found.console ??= pathOf(value)
    else if (option === '-vnc') found.vnc ??= /^unix:([^,]*)/.exec(value)?.[1]
    else if (option === '-display') found.vnc ??= /^vnc=unix:([^,]*)/.exec(value)?.[1]
    else if (option === '-mon') {
      const said = readPairs(value, 'chardev')
      found[said.get('mode') === 'control' ? 'qmp' : 'monitor'] ??= chardevs.get(said.get('chardev') ?? '')
    } else if (option === '-device') {
      const said = device(value)
      const [driver = '', name = ''] = [said.get('driver'), said.get('chardev')]
      if (serial.test(driver)) found.console ??= chardevs.get(name)
      else if (driver === 'virtserialport' && said.get('name') === agentPort && chardevs.has(name)) {
        found.agent ??= chardevs.get(name)
        found.agentName ??= name
      }
    }
  }
  const { qmp, monitor, console, agent, vnc, agentName } = found
  return { qmp, monitor, console, agent, vnc, agentName }
}

function serves(said: ReadonlyMap<string, string>): boolean {
  return ['on', 'yes', 'true'].includes(said.get('server') ?? '')
}

function device(value: string): ReadonlyMap<string, string> {
  return value.startsWith('{') ? readJson(value) : readPairs(value, 'driver')
}

/** What nbsvm starts it with the next time. */
export interface NextStart {
  readonly settings: Readonly<Partial<Record<SettingName, string>>>
  readonly uuid: string | undefined
  /** For the user: what is not taken over. */
  readonly leftOut: readonly string[]
}

/**
 * What disks are behind. Their options are kept as they stand: the files are the user's, and how they are opened is his choice.
 */
const diskDevice =
  /^(?:virtio-blk|virtio-scsi|scsi-(?:hd|cd|block|generic)|ide-(?:hd|cd)|nvme|usb-(?:storage|bot|uas)|lsi|megasas|mptsas|ahci)/

/** What only says how this QEMU is talked to, or that it waits at its start. */
const passing = new Set(['-qmp', '-qmp-pretty', '-mon', '-S', '-daemonize', '-pidfile', '-name'])

/** Reads the options of `program`; `absolute` makes a name in the line a path. */
export function nextStart(program: string, options: readonly LineOption[], absolute: (file: string) => string): NextStart {
  const drives: string[] = []
  const args: string[] = []
  const rest: LineOption[] = []
  let uuid: string | undefined
  for (const one of options) {
    const { option, value } = one
    if (/^-(?:hd[abcd]|cdrom|fda|fdb|pflash|mtdblock|sd)$/.test(option)) drives.push(option, absolute(value))
    else if (option === '') drives.push('-hda', absolute(value))
    else if (option === '-snapshot') drives.push(option)
    else if (option === '-drive') drives.push(option, withPath(value, ['file', 'filename'], absolute))
    else if (option === '-blockdev') drives.push(option, withPath(value, ['filename'], absolute))
    else if (option === '-device' && diskDevice.test(device(value).get('driver') ?? '')) drives.push(option, value)
    else if (option === '-object' && value.startsWith('iothread,')) drives.push(option, value)
    else if (/^-(?:kernel|initrd|dtb)$/.test(option)) args.push(option, absolute(value))
    // QEMU has firmware of its own by bare names.
    else if (option === '-bios') args.push(option, value.includes('/') ? absolute(value) : value)
    else if (option === '-append') args.push(option, value)
    else if (option === '-uuid' && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) uuid = value.toLowerCase()
    else if (!passing.has(option) && !isPort(one) && !isScreen(one)) rest.push(one)
  }
  const { settings, leftOut } = readQemuOptions(program, rest)
  const allArgs = [...splitWords(settings.args ?? ''), ...args]
  return {
    settings: {
      ...settings,
      drives: drives.length === 0 ? 'none' : quoteWords(drives),
      ...(allArgs.length === 0 ? {} : { args: quoteWords(allArgs) }),
    },
    uuid,
    leftOut,
  }
}

/** What nbsvm's own screen takes the place of, on a socket too. */
function isScreen({ option, value }: LineOption): boolean {
  return (option === '-vnc' && value.startsWith('unix:')) || (option === '-display' && value.startsWith('vnc=unix:'))
}

/** Serial ports and the agent's, which every VM of nbsvm has, and the character devices of sockets behind them. */
function isPort({ option, value }: LineOption): boolean {
  if (option === '-chardev') return value.startsWith('socket,')
  const said = option === '-device' ? device(value) : undefined
  return said !== undefined && (serial.test(said.get('driver') ?? '') || said.get('name') === agentPort)
}

/** The same option with the path of its file, or of a file within it, written out. A name with a protocol stays. */
function withPath(value: string, keys: readonly string[], absolute: (file: string) => string): string {
  if (value.startsWith('{')) {
    const walk = (one: unknown, at: string): unknown => {
      if (typeof one === 'string') return keys.includes(at) && isLocal(one) ? absolute(one) : one
      if (typeof one !== 'object' || one === null || Array.isArray(one)) return one
      return Object.fromEntries(Object.entries(one).map(([name, inner]) => [name, walk(inner, name)]))
    }
    try {
      return JSON.stringify(walk(JSON.parse(value), ''))
    } catch {
      // QEMU takes more than JSON, 'such quotes' above all.
      return value
    }
  }
  // A comma that belongs to a value is written twice.
  const parts = value.replaceAll(',,', '\u0000').split(',')
  const written = parts.map((part) => {
    const [, name = '', text = ''] = /^((?:[a-z0-9-]+\.)*(?:file|filename))=([^]*)$/.exec(part) ?? []
    if (!keys.includes(name.split('.').at(-1) ?? '') || !isLocal(text)) return part
    return `${name}=${absolute(text.replaceAll('\u0000', ',')).replaceAll(',', '\u0000')}`
  })
  return written.join(',').replaceAll('\u0000', ',,')
}

function isLocal(name: string): boolean {
  return !/^(?:json|[a-z][a-z0-9+]*):/.test(name)
}
