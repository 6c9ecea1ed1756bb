// Which network cards a VM gets, from its settings alone.
import { UsageError } from '../core/errors.js'
import type { Forward, Nic } from '../core/nic.js'

/** The settings that the network is made from. */
export interface NetSettings {
  readonly net_if: string
  readonly mac: string | undefined
  readonly forward: readonly string[] | undefined
}

/** One card on QEMU's user network: the guest gets out, and in through `forward` only. `macFor` gives the default address. */
export function planNics(settings: NetSettings, macFor: (index: number) => string): Nic[] {
  const forwards = (settings.forward ?? []).map(parseForward)
  return [{ model: settings.net_if, mac: checkMac(settings.mac) ?? macFor(0), backend: { kind: 'user', forwards } }]
}

/** Reads `2222:22`, `tcp:2222:22` or `udp:5353:53` as host's port, then guest's. */
export function parseForward(text: string): Forward {
  const match = /^(?:(?<protocol>tcp|udp):)?(?<host>[0-9]{1,5}):(?<guest>[0-9]{1,5})$/.exec(text)
  const hostPort = Number(match?.groups?.['host'])
  const guestPort = Number(match?.groups?.['guest'])
  if (!isPort(hostPort) || !isPort(guestPort)) {
    throw new UsageError(`forward: ${JSON.stringify(text)} is no pair of ports`, {
      hints: ['write HOST:GUEST, as in forward=2222:22, or udp:HOST:GUEST'],
    })
  }
  return { hostPort, guestPort, protocol: match?.groups?.['protocol'] === 'udp' ? 'udp' : 'tcp' }
}

function isPort(number: number): boolean {
  return number >= 1 && number <= 65_535
}

function checkMac(mac: string | undefined): string | undefined {
  if (mac === undefined) return undefined
  const firstByte = Number.parseInt(mac.slice(0, 2), 16)
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(mac)) {
    throw new UsageError(`mac: ${JSON.stringify(mac)} is no MAC address`, { hints: ['write it like mac=52:54:00:12:34:56'] })
  }
  if ((firstByte & 1) === 1) throw new UsageError(`mac: ${mac} is a multicast address: the first byte must be even`)
  return mac.toLowerCase()
}
