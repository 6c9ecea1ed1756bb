// Which network cards a VM gets, from its settings alone.
import { UsageError } from '../core/errors.js'
import { addressOf, listenText, type Forward } from '../model/forward.js'
import type { Nic, NicBackend } from '../model/nic.js'

/** The settings that the network is made from. */
export interface NetSettings {
  readonly net_if: string
  readonly mac: string | undefined
  readonly forward: readonly Forward[] | undefined
  readonly bridge: readonly string[] | undefined
}

/** What the cards are made with besides settings. */
export interface NetMeans {
  /** The default address of card `index`. */
  readonly macOf: (index: number) => string
  /** The name of the tap of card `index`. */
  readonly tapOf: (index: number) => string
  /** The MTU of a bridge; throws when there is no such bridge. */
  readonly mtuOf: (bridge: string) => number
  /** Whether a VM without a bridge gets a tap: as root, who can make one. */
  readonly prefersTap: boolean
  /** The socket of a passt that is to serve the user network; absent where QEMU serves it itself. */
  readonly passt?: string
}

/**
 * A tap for each bridge; without a bridge, as root, one tap that leads nowhere yet; else the user network, passt's or
 * QEMU's, where the guest gets out, and in through `forward` only.
 */
export function planNics(settings: NetSettings, means: NetMeans): Nic[] {
  const forwards = settings.forward ?? []
  const bridges = settings.bridge ?? []
  if (bridges.length > 0 && forwards.length > 0) {
    throw new UsageError('forward and bridge exclude each other: on a bridge the guest is reached at its own address')
  }
  return backends(bridges, forwards, means).map((backend, index) => ({
    model: settings.net_if,
    mac: (index === 0 ? settings.mac : undefined) ?? means.macOf(index),
    backend,
  }))
}

function backends(
  bridges: readonly string[],
  forwards: readonly Forward[],
  { tapOf, mtuOf, prefersTap, passt }: NetMeans,
): NicBackend[] {
  if (bridges.length > 0)
    return bridges.map((bridge, index) => ({ kind: 'tap', ifname: tapOf(index), bridge, mtu: mtuOf(bridge) }))
  if (prefersTap && forwards.length === 0) return [{ kind: 'tap', ifname: tapOf(0) }]
  if (passt !== undefined) return [{ kind: 'passt', socket: passt, forwards }]
  requireIpv4(forwards)
  return [{ kind: 'user', forwards }]
}

/** Throws a UsageError for what QEMU's user network cannot: it listens on IPv4 alone. */
export function requireIpv4(forwards: readonly Forward[]): void {
  const other = forwards.find((forward) => addressOf(forward).includes(':'))
  if (other === undefined) return
  throw new UsageError(`${listenText(other)}: QEMU's own user network listens on IPv4 addresses only`, {
    hints: ['passt listens on IPv6 too, for VMs of ordinary users: install it, and start the VM with forward='],
  })
}
