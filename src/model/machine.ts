import type { Drive, FileImage, Image, NoImage } from './drive.js'
import type { Arch } from './guest.js'
import type { Nic } from './nic.js'
import type { Share } from './share.js'

/** Options that the user wrote himself; passed on as they are. */
export type Words = readonly string[]

export type DriveInterface = 'virtio' | 'scsi' | 'ide' | 'sata' | 'nvme' | 'usb'

/** A file that is opened for QEMU. */
export interface Handed {
  /** The number of the descriptor in QEMU's process. */
  readonly fd: number
  /** QEMU's set that it is in; absent where an option names the descriptor itself. */
  readonly set?: number
  readonly path: string
  readonly mode: 'read' | 'write' | 'fifo'
}

/** UEFI as two flash chips of the board. */
export interface Firmware {
  readonly kind: 'uefi' | 'secure'
  readonly code: FileImage
  /** Boot entries, keys and whatever else the guest keeps there. */
  readonly variables: FileImage | NoImage
  /** Whether only System Management Mode may write the variables. */
  readonly needsSmm: boolean
}

/** RAM that is in a file of the host. */
export interface RamFile {
  /** What QEMU calls it: the same wherever the guest goes on. */
  readonly id: string
  readonly path: string
  /** `written`: what the guest writes is in the file. `copied`: each page stays with this QEMU once it is written, and the file as it is. */
  readonly use: 'written' | 'copied'
  /** QEMU opens it for reading only; before 8.2 it cannot, but for a RAM that is a ROM. */
  readonly isReadOnly: boolean
}

/**
 * All that one QEMU process is made of, as plain data: the QEMU command follows from it alone. Where the user gave an
 * argument string for a part, that part is `Words`, and nothing is added to it.
 */
export interface Machine {
  readonly id: string
  /** What QEMU is run through (setpriv, when root gives up its rights); empty where it is run as it is. */
  readonly prefix: Words
  /** Files that are opened for QEMU: its logs, and the drives where it may not open them itself. */
  readonly handed: readonly Handed[]
  /** Where QEMU writes what is to be kept, by the names under which it finds it. */
  readonly logs: { readonly console: string; readonly events: string }
  /** Path of the QEMU program. */
  readonly program: string
  /** The guest's processor. */
  readonly arch: Arch
  /** Machine type with its version, `pc-q35-7.2`, so that saved state finds the same machine again. */
  readonly type: string
  readonly accelerator: 'kvm' | 'tcg'
  /** Absent: the BIOS that the board has. */
  readonly firmware?: Firmware
  /** What its clock begins with. */
  readonly clock: 'utc' | 'localtime'
  /** Whether it has a TPM, which swtpm is for it. */
  readonly tpm: boolean
  readonly cpu: string
  readonly cpus: number
  readonly memBytes: number
  /** What QEMU has for RAM besides, in bytes: see `ramPadBytes` in qemu/ram.ts. */
  readonly ramPadBytes?: number
  /** `shared`: RAM is a memfd that another process can map. */
  readonly ram: 'private' | 'shared'
  /** Where RAM is in a file, in place of that. */
  readonly ramFile?: RamFile
  readonly uuid: string
  /** What vmgenid tells the guest: another UUID, or `auto` for a random one, where a past state of it comes back. */
  readonly generation: string
  readonly drives: readonly Drive[] | { readonly words: Words }
  readonly driveInterface: DriveInterface
  /** The discs, each in a drive of its own. */
  readonly discs: readonly Image[]
  /** Folders of the host that the guest sees; one that a virtiofsd serves needs RAM that is shared. */
  readonly shares: readonly Share[]
  /** How QEMU reads and writes the host's files. */
  readonly aio: 'io_uring' | 'threads'
  /** Whether each virtio disk (a scsi controller for all of its disks) has a thread of its own. */
  readonly iothreads: boolean
  /** What tells the guest who it is: a disk, or a text for Ignition; absent where nobody tells it. */
  readonly seed?: { readonly kind: 'disk' | 'ignition'; readonly path: string }
  /** Whether the guest gives memory back that it does not use. */
  readonly balloon: boolean
  /** Whether there is a port for the guest agent. */
  readonly agent: boolean
  readonly nics: readonly Nic[] | { readonly words: Words }
  /** Absent: VNC on a unix socket in the drawer. */
  readonly display?: Words
  /** Absent: USB with a tablet. */
  readonly usb?: Words
  /** The setting `args`, then the options behind `start`. */
  readonly args: Words
}

/** One QEMU option and its value, if it takes one: `['-m', '512M']`. */
export type Option = readonly [flag: string, value?: string]
