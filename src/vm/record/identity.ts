// What makes a VM itself and no other, made from its id: the same at every start, different from its neighbours'.
import { digest } from '../../core/digest.js'

/**
 * A MAC address for card `index`. It begins with 52:54, locally administered as QEMU's own are; the other 32 bits come
 * from the id, so two VMs among a thousand share one in a case of 8,600.
 */
export function macOf(id: string, index = 0): string {
  const tail = digest(index === 0 ? `mac ${id}` : `mac ${id} ${index}`, 4)
  return ['52', '54', ...(tail.toString('hex').match(/../g) ?? [])].join(':')
}

/** A UUID, version 8 (made by a rule of our own): https://www.rfc-editor.org/rfc/rfc9562#section-5.8 */
export function uuidOf(id: string): string {
  const bytes = digest(`uuid ${id}`, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
