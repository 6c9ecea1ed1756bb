import type { Machine, Option } from '../../model/machine.js'
import { json, pairs } from './words.js'

/** A USB controller with a tablet, whose pointer is where the viewer's is. The setting `usb` replaces both. */
export function usbOptions({ usb }: Pick<Machine, 'usb'>): Option[] {
  if (usb !== undefined) return pairs(usb)
  return [
    json('-device', { driver: 'qemu-xhci', id: 'usb' }),
    json('-device', { driver: 'usb-tablet', id: 'tablet', bus: 'usb.0' }),
  ]
}
