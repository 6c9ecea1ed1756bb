// Taps: network cards of the host that lead into a guest, made and removed with ip(8) by whoever may.
import { Failure } from '../core/errors.js'
import { nearest } from '../core/nearest.js'
import { digest } from '../core/digest.js'
import { list, readText, stat } from '../sys/file.js'
import { runOrFail, type Run } from '../sys/process.js'

const interfaces = '/sys/class/net'

/** The kernel takes 15 bytes. */
const longestName = 15

/** A tap that a VM needs. */
export interface Tap {
  readonly name: string
  readonly bridge: string | undefined
  /** What the bridge has; the kernel's default without one. */
  readonly mtu: number | undefined
  /** Who may open it: the user that QEMU runs as. */
  readonly uid: number
}

/**
 * The name of the tap of card `index`: `tap-foo`, `tap1-foo`. Where that is too long, or `salt` tells homes apart, a hash
 * takes the place of the id's end.
 */
export function tapName(id: string, index: number, salt = ''): string {
  const prefix = index === 0 ? 'tap-' : `tap${index}-`
  const name = `${prefix}${id}`
  if (name.length <= longestName && salt === '') return name
  const hash = digest(`tap ${salt} ${id}`, 3).toString('hex')
  return `${prefix}${id.slice(0, longestName - prefix.length - hash.length - 1)}-${hash}`
}

/** The commands that make a tap, in order. */
export function makingCommands({ name, bridge, mtu, uid }: Tap): string[][] {
  const joined = [
    ...(mtu === undefined ? [] : ['mtu', String(mtu)]),
    ...(bridge === undefined ? [] : ['address', highAddress(name), 'master', bridge]),
  ]
  return [
    ['ip', 'tuntap', 'add', 'dev', name, 'mode', 'tap', 'user', String(uid)],
    ['ip', 'link', 'set', 'dev', name, ...joined, 'up'],
  ]
}

/**
 * The tap's own address on the host. A bridge without a set address takes the lowest of its ports': were that a tap's, the bridge would
 * have another with each VM that comes and goes, and whoever talks to the host over it would lose the host for half a minute.
 */
function highAddress(name: string): string {
  const [, ...rest] = digest(`address ${name}`, 6)
  return [0xfe, ...rest].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** Makes the taps. When one fails, those before it are there. `run` is what may do it, sudo perhaps. */
export async function makeTaps(taps: readonly Tap[], run: Run): Promise<void> {
  for (const tap of taps) {
    for (const command of makingCommands(tap)) await runOrFail(`make the tap ${tap.name}`, command, { run })
  }
}

/** Throws a Failure when the host has a network device of one of these names: it is somebody else's. */
export function refuseTaken(taps: readonly Tap[]): void {
  const taken = taps.find(({ name }) => stat(`${interfaces}/${name}`) !== undefined)?.name
  if (taken === undefined) return
  throw new Failure(`there is a network device ${taken} already, and it is not this VM's`, {
    code: 'NETWORK_UNUSABLE',
    hints: [`see it: ip link show ${taken}`, `if it is left over: sudo ip link delete ${taken}`],
  })
}

/** Removes taps; those that are gone already are ignored, and so is what has taken such a name and is not a tap. */
export async function removeTaps(names: readonly string[], run: Run): Promise<void> {
  for (const name of names.filter(isTap))
    await runOrFail(`remove the tap ${name}`, ['ip', 'link', 'delete', 'dev', name], { run })
}

function isTap(name: string): boolean {
  return stat(`${interfaces}/${name}/tun_flags`) !== undefined
}

/** The MTU of a bridge. Throws a Failure that names the bridges there are when this is none. */
export function bridgeMtu(bridge: string): number {
  const there = list(interfaces).filter((name) => stat(`${interfaces}/${name}/bridge`) !== undefined)
  if (there.includes(bridge)) return Number(readText(`${interfaces}/${bridge}/mtu`))
  const near = nearest(bridge, there)
  const which = there.length === 0 ? 'this machine has none' : `there are ${there.join(', ')}`
  throw new Failure(`there is no bridge ${bridge}${near === undefined ? '' : `; did you mean ${near}?`} (${which})`, {
    code: 'NETWORK_UNUSABLE',
    hints: [`make it: sudo ip link add ${bridge} type bridge && sudo ip link set ${bridge} up`],
  })
}

const tunDevice = '/dev/net/tun'

/** Whether this process may make network devices by itself: CAP_NET_ADMIN (bit 12 of capabilities(7)), and a tun driver. */
export function canMakeTaps(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText('/proc/self/status') ?? '')?.[1] ?? '0'
  return (BigInt(`0x${effective}`) >> 12n) % 2n === 1n && stat(tunDevice) !== undefined
}

/** Whether a user without any rights may open a tap that was made for him; udev sees to it nearly everywhere. */
export function isTunOpen(): boolean {
  return ((stat(tunDevice)?.mode ?? 0) & 0o006) === 0o006
}

/** Throws a Failure that says what to type where a QEMU without rights could not open its taps. */
export function requireOpenTun(user: string): void {
  if (isTunOpen()) return
  throw new Failure(`${tunDevice} is closed to ${user}, whom QEMU runs as, so it cannot use a tap`, {
    code: 'NOT_ALLOWED',
    hints: [
      `open it, as udev does: chmod 666 ${tunDevice}`,
      'or keep root: run_as=root',
      "or without a tap: network='-nic user'",
    ],
  })
}
