/** A disc drive of a VM that runs. */
export interface DiscDrive {
  /** `cd0`, or the name of what was attached. */
  readonly drive: string
  /** The disc in it, as it was named; null where it is empty. */
  readonly path: string | null
}

/** What was attached to a VM while it runs, and is gone when it ends. */
export interface AddedDevice {
  /** `hot0`; `disk1` for the VM's own drive 1. */
  readonly name: string
  readonly kind: 'disk' | 'disc' | 'usb'
  /** The file or device of the host; null for a disc drive, whose disc can be changed: see the DiscDrive of this name. */
  readonly what: string | null
}
