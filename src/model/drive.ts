/** The image formats that QEMU reads and nbsvm accepts; drives that nbsvm makes are `qcow2` or `raw`. */
export type ImageFormat = 'qcow2' | 'raw' | 'vmdk' | 'vdi' | 'vhdx' | 'vpc'

/**
 * Where the bytes of one image are, and how they are laid out. A store returns it; `blocknode.ts` makes of it what QEMU
 * opens. The whole chain is spelled out, so that QEMU never has to believe what a file says of itself.
 */
export type Image = FileImage | DeviceImage | RbdImage | NoImage

export interface FileImage extends Layout {
  readonly kind: 'file'
  /** Absolute path. */
  readonly path: string
}

/** A block device of the host. */
export interface DeviceImage extends Layout {
  readonly kind: 'block'
  /** Absolute path. */
  readonly path: string
}

/** An image in a pool of Ceph, which QEMU reaches by itself. */
export interface RbdImage extends Layout {
  readonly kind: 'rbd'
  readonly pool: string
  readonly name: string
  /** `POOL/NAME`, as Ceph's own programs call it. */
  readonly path: string
  /** File that says where the monitors are: an absolute path, or a name in the folder that QEMU runs in. */
  readonly conf: string
  /** Who asks, without `client.`. */
  readonly user: string
}

/** No bytes at all: it reads as zeros. For a QEMU whose guest never runs there. */
export interface NoImage extends Layout {
  readonly kind: 'none'
  /** Empty. */
  readonly path: string
  readonly sizeBytes: number
}

interface Layout {
  readonly format: ImageFormat
  /** The read-only image under this overlay; absent when there is none. */
  readonly backing?: Image
}

/** One drive of a VM, as a store found it. */
export interface Drive {
  /** `nbsvm-foo-0` */
  readonly name: string
  /** 0 and up; the order in which the guest sees the drives. */
  readonly number: number
  readonly image: Image
  /** Why it cannot be used: its file is damaged, or what it stands on is gone. `image` then says no more than where it is. */
  readonly fault?: string
}

/** What a drive held at one moment: read-only, and what new drives can stand on. It lasts as long as a drive or a pin needs it. */
export interface Base {
  /** The store's own name of it. */
  readonly name: string
  readonly image: Image
  /** What the guest sees of it, in bytes. */
  readonly virtualBytes: number
}

/** How large a drive looks to the guest and what it takes on the host, in bytes. */
export interface DriveSize {
  readonly virtualBytes: number
  readonly allocatedBytes: number
}
