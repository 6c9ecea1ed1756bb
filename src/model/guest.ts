import type { FileImage } from './drive.js'

/** How far an image was checked, the best first: never lowered in silence. */
export const checkLevels = ['pinned', 'signed', 'https', 'none'] as const

export type CheckLevel = (typeof checkLevels)[number]

/** Processors that a guest can be made for, as QEMU calls them. */
export type Arch = 'x86_64' | 'aarch64' | 'riscv64'

/** What is known of the system in an image, from the catalogue; of a URL or a path nearly nothing is. */
export interface GuestTraits {
  /** `debian-13`; absent where the image is in no catalogue. */
  readonly os?: string
  readonly arch: Arch
  /** The user that the image makes where a seed asks for none. */
  readonly user: string
  /** How the guest is told who it is. */
  readonly seed: 'nocloud' | 'nuageinit' | 'ignition' | 'none'
  /** Whether the guest agent is in the image. */
  readonly hasAgent: boolean
  readonly firmware: readonly ('bios' | 'uefi')[]
  /** The least processor that it runs on, where plain x86-64 is not enough. */
  readonly cpu?: 'v2' | 'v3'
  readonly minMemBytes: number
  readonly minDriveBytes: number
}

/** An image that is here, whole, checked and read-only. */
export interface KeptImage {
  /** As it was asked for: `debian`, `debian-13@latest`, a URL, a path. */
  readonly name: string
  /** The image as QEMU opens it: its format is known, and it stands on nothing. */
  readonly image: FileImage
  /** `sha512:HEX` or `sha256:HEX` of the file as it is kept. */
  readonly digest: string
  readonly level: CheckLevel
  readonly traits: GuestTraits
}
