import type { Words } from './machine.js'

/**
 * A program that runs beside a VM's QEMU: passt, the log keeper. It is started before QEMU, in the VM's drawer, alive as long as
 * somebody holds its lock there (`helpers/NAME.lock`), and ended with QEMU. Paths are relative to the drawer.
 */
export interface Helper {
  readonly name: string
  readonly command: Words
  /** The text of its program, where that is a script of ours: it is written to `helpers/NAME`, which the command runs. */
  readonly script?: string
  /** Whether it keeps the descriptors that it inherits; for one that closes them, the shell that runs it holds the lock. */
  readonly keepsDescriptors: boolean
  /** FIFOs that QEMU writes into and it reads, as descriptors 3, 4, ... */
  readonly reads: Words
  /** Where QEMU finds it. */
  readonly socket?: string
  /** A file that has text in it, or a socket that is there, as soon as it serves; one without is there at once. */
  readonly ready?: string
  /** How long that may take, in milliseconds, of one for which a few seconds are not enough. */
  readonly readyWithinMs?: number
  /** What it says; emptied before it starts. */
  readonly log?: string
  /** Files that it writes, and how large each can get. */
  readonly writes: readonly { readonly file: string; readonly maxBytes: number }[]
}

/** How a helper of a running VM is. */
export interface HelperState {
  readonly name: string
  readonly alive: boolean
  /** Its first process, where that is known. */
  readonly pid: number | null
}
