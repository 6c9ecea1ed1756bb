// What networks need: taps, bridges, passt.
import { errorCode } from '../../core/errors.js'
import { canMakeTaps, isTunOpen } from '../../net/tap.js'
import { isRoot } from '../../sys/environment.js'
import { close, findProgram, list, open, readText, stat } from '../../sys/file.js'
import { runAsInGeneral } from '../runas.js'
import { requirementsFor, generalRequirement, type Requirement } from './requirements.js'
import { bad, good, install, lacking, type Finding } from './finding.js'
import { canSudo } from './host.js'

const tun = '/dev/net/tun'

/** Whether a VM gets a tap: the device, open to whom QEMU runs as; the program and the right to make one. */
export async function checkTaps(requirements: readonly Requirement[]): Promise<Finding[]> {
  const [requirement] = requirementsFor(requirements, 'bridge')
  const missing = (what: string, hint: string): Finding[] => [
    requirement === undefined ? lacking('taps', what, hint) : bad('taps', `${what} (${requirement.by})`, hint),
  ]
  if (stat(tun) === undefined) return missing(`there is no ${tun}`, 'sudo modprobe tun')
  const { user } = runAsInGeneral(generalRequirement(requirements, 'run_as')?.value)
  if (user !== 'root' && !isTunOpen()) return missing(`${tun} is closed to ${user}, whom QEMU runs as`, `sudo chmod 666 ${tun}`)
  const code = openingFault()
  if (code !== undefined) return missing(`${tun} cannot be opened (${code})`, `in a container: let it have the device ${tun}`)
  if (findProgram('ip') === undefined) return missing('there is no ip(8)', install('ip'))
  if (canMakeTaps()) return [good('taps', 'can be made')]
  if (await canSudo()) return [good('taps', 'can be made, through sudo')]
  return isRoot()
    ? missing('this root may not make them', 'in a container: let it have CAP_NET_ADMIN')
    : missing('only root makes them, and sudo wants a password', 'log in to it first: sudo -v')
}

/** A container may see the device and yet be kept from it. */
function openingFault(): string | undefined {
  try {
    close(open(tun, 'write'))
    return undefined
  } catch (error) {
    return errorCode(error) ?? 'unknown'
  }
}

const net = '/sys/class/net'

/** The bridges that there are, and those that settings name. */
export async function checkBridges(requirements: readonly Requirement[]): Promise<Finding[]> {
  const bridges = list(net).filter((name) => stat(`${net}/${name}/bridge`) !== undefined)
  const wanted = requirementsFor(requirements, 'bridge').map(({ value, by }) => judgeBridge(value, by, bridges))
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
