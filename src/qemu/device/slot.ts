import type { Machine, Option } from '../../model/machine.js'
import { json } from './words.js'

/** Slots that no other device gets by itself: what stands there moves none of the user's devices, which guests name by theirs. */
export const lastSlots = { agent: '1e', seed: '1d', hot: '1c' } as const

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
