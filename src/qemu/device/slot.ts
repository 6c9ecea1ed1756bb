import type { Machine, Option } from '../../model/machine.js'
import { json } from './words.js'

/** The slot for what comes while the VM runs. */
export const hotSlot = 'hot'

/**
 * A PCI Express port without a device in it: what is attached to the running VM comes there, as nothing can be plugged into the
 * root bus itself. Boards with plain PCI need none. In a slot that no other device gets by itself, so that it moves none of theirs.
 */
export function slotOptions({ type }: Pick<Machine, 'type'>): Option[] {
  return /q35|^virt\b/.test(type) ? [json('-device', { driver: 'pcie-root-port', id: hotSlot, chassis: 1, addr: '1c' })] : []
}
