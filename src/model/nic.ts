import { UsageError } from '../core/errors.js'
import { quote } from '../core/quote.js'
import type { Forward } from './forward.js'

/** What stands behind one network card of the guest. `qemu` alone turns it into options. */
export type NicBackend =
  | { readonly kind: 'user'; readonly forwards: readonly Forward[] }
  | { readonly kind: 'passt'; readonly socket: string; readonly forwards: readonly Forward[] }
  /** No network at all: for a QEMU whose guest never runs there. */
  | { readonly kind: 'none'; readonly forwards: readonly [] }
  | { readonly kind: 'tap'; readonly ifname: string; readonly bridge?: string; readonly mtu?: number; readonly vhostFd?: number }

export interface Nic {
  /** QEMU device name: `virtio-net-pci`, `e1000`, ... */
  readonly model: string
  /** `52:54:..` in lower case */
  readonly mac: string
  readonly backend: NicBackend
}

/** Reads a MAC address of one machine; returns it in lower case. Throws a UsageError for what is none. */
export function parseMac(mac: string): string {
  const firstByte = Number.parseInt(mac.slice(0, 2), 16)
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(mac)) {
    throw new UsageError(`${quote(mac)} is not a MAC address`, { hints: ['write it like mac=52:54:00:12:34:56'] })
  }
  if ((firstByte & 1) === 1) throw new UsageError(`${mac} is a multicast address: the first byte must be even`)
  return mac.toLowerCase()
}
