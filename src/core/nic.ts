/** TCP ports of the host's loopback that lead into the guest. */
export interface Forward {
  readonly hostPort: number
  readonly guestPort: number
  readonly protocol: 'tcp' | 'udp'
}

/** What stands behind one network card of the guest. `qemu` alone turns it into options. */
export type NicBackend =
  | { readonly kind: 'user'; readonly forwards: readonly Forward[] }
  | { readonly kind: 'passt'; readonly socket: string; readonly forwards: readonly Forward[] }
  | { readonly kind: 'tap'; readonly ifname: string; readonly bridge?: string; readonly mtu?: number }

export interface Nic {
  /** QEMU device name: `virtio-net-pci`, `e1000`, ... */
  readonly model: string
  /** `52:54:..` in lower case */
  readonly mac: string
  readonly backend: NicBackend
}
