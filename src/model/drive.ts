/** The image formats that QEMU reads and nbsvm accepts; drives that nbsvm makes are `qcow2` or `raw`. */
export type ImageFormat = 'qcow2' | 'raw' | 'vmdk' | 'vdi' | 'vhdx'

/**
 * Where the bytes of one image are, and how they are laid out. A store returns it; only `qemu` turns it into an option.
 * The whole chain is spelled out, so that QEMU never has to believe what a file says of itself.
 */
export interface Image {
  readonly format: ImageFormat
  /** Absolute path of a file or block device. */
  readonly path: string
  readonly kind: 'file' | 'block'
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
}

/** How large a drive looks to the guest and what it takes on the host, in bytes. */
export interface DriveSize {
  readonly virtualBytes: number
  readonly allocatedBytes: number
}
