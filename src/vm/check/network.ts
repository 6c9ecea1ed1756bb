// What networks need: taps, bridges, passt.
import { errorCode } from '../../core/errors.js'
import { isRoot } from '../../sys/environment.js'
import { close, findProgram, list, open, readText, stat } from '../../sys/file.js'
import { asksFor, type Ask } from './asks.js'
import { bad, good, install, lacking, type Finding } from './finding.js'
import { canSudo } from './host.js'

const searchPath = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`

/** CAP_NET_ADMIN in capabilities(7). */
const netAdmin = 12n

/** Whether a tap can be made: the device, the program and the right. */
export async function checkTaps(asks: readonly Ask[]): Promise<Finding[]> {
  const [ask] = asksFor(asks, 'bridge')
  const missing = (what: string, hint: string): Finding[] => [
    ask === undefined ? lacking('taps', what, hint) : bad('taps', `${what} (${ask.by})`, hint),
  ]
  const fault = deviceFault()
  if (fault !== undefined) return missing(...fault)
  if (findProgram('ip', searchPath) === undefined) return missing('there is no ip(8)', install('ip'))
  if (hasNetAdmin()) return [good('taps', 'can be made')]
  if (await canSudo()) return [good('taps', 'can be made, through sudo')]
  return missing(isRoot() ? 'this root has no CAP_NET_ADMIN' : 'only root makes them, and sudo wants a password', 'sudo -v')
}

function deviceFault(): [what: string, hint: string] | undefined {
  try {
    close(open('/dev/net/tun', 'device'))
    return undefined
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENODEV') return ['there is no /dev/net/tun', 'sudo modprobe tun']
    // Whoever goes through sudo needs no right of his own to it.
    if (code === 'EACCES' && !isRoot()) return undefined
    return [`/dev/net/tun cannot be opened (${code ?? 'unknown'})`, 'in a container: let it have the device /dev/net/tun']
  }
}

function hasNetAdmin(): boolean {
  const set = /^CapEff:\s*(?<set>[0-9a-f]+)$/m.exec(readText('/proc/self/status') ?? '')?.groups?.['set'] ?? '0'
  return ((BigInt(`0x${set}`) >> netAdmin) & 1n) === 1n
}

const net = '/sys/class/net'

/** The bridges that there are, and those that settings name. */
export async function checkBridges(asks: readonly Ask[]): Promise<Finding[]> {
  const bridges = list(net).filter((name) => stat(`${net}/${name}/bridge`) !== undefined)
  const wanted = asksFor(asks, 'bridge').map(({ value, by }) => judgeBridge(value, by, bridges))
  const shown = bridges.map((name) => `${name} (${read(name, 'operstate')}, mtu ${read(name, 'mtu')})`).join(', ')
  return [bridges.length > 0 ? good('bridges', shown) : lacking('bridges', 'none', addLine('br0')), ...wanted]
}

function judgeBridge(name: string, by: string, bridges: readonly string[]): Finding {
  if (bridges.includes(name)) return good(`bridge ${name}`, `it is there (${by})`)
  if (stat(`${net}/${name}`) !== undefined) return bad(`bridge ${name}`, `${name} is an interface, and no bridge (${by})`)
  return bad(`bridge ${name}`, `there is none of that name (${by})`, addLine(name))
}

function addLine(name: string): string {
  return `sudo ip link add ${name} type bridge && sudo ip link set ${name} up`
}

function read(name: string, attribute: 'mtu' | 'operstate'): string {
  return readText(`${net}/${name}/${attribute}`)?.trim() ?? '?'
}

export async function checkPasst(): Promise<Finding[]> {
  const program = findProgram('passt')
  if (program !== undefined) return [good('passt', program)]
  return [lacking('passt', "not installed; VMs have QEMU's own user network", install('passt'))]
}
