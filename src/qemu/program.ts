import type { Arch } from '../model/guest.js'

/** The guest's processor of a QEMU that is called as QEMU calls it: `qemu-system-aarch64`. */
export function archOfProgram(name: string | undefined): Arch | undefined {
  return /qemu-system-(x86_64|aarch64|riscv64)$/.exec(name ?? '')?.[1] as Arch | undefined
}
