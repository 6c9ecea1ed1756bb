import type { Machine, Option } from '../../model/machine.js'
import { json } from './words.js'

/**
 * Slots that no other device gets by itself: what stands there moves none of the user's devices, which guests name by theirs. On q35
 * 1d is that of the controllers of `-usb`.
 */
export const lastSlots = { agent: '1e', hot: '1c', seed: '1b' } as const

/** The port for what comes while the VM runs. */
export const hotSlot = 'hot'

/**
 * A PCI Express port without a device in it: what is attached to the running VM comes there, as nothing can be plugged into the
 * root bus itself. Boards with plain PCI need none.
 */
export function slotOptions({ type }: Pick<Machine, 'type'>): Option[] {
  return /q35|^virt\b/.test(type)
    ? [json('-device', { driver: 'pcie-root-port', id: hotSlot, chassis: 1, addr: lastSlots.hot })]
    : []
}
