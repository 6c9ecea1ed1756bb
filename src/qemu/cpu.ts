// Words for QEMU's -cpu. Pure.
import type { Arch, GuestTraits } from '../model/guest.js'

/** Whether a word means another processor on another host, or in another QEMU. */
export function isOfThisHost(cpu: string): boolean {
  return /^(?:host|max)\b/.test(cpu)
}

/**
 * A model that any host of the last ten years has, and that has what an image needs (x86-64-v2, or v3); undefined where none is known.
 * https://gitlab.com/x86-psABIs/x86-64-ABI
 */
export function commonCpu(arch: Arch, needed: GuestTraits['cpu']): string | undefined {
  if (arch !== 'x86_64') return arch === 'aarch64' ? 'cortex-a72' : undefined
  return needed === 'v3' ? 'Haswell-noTSX' : 'Westmere'
}
