import type { Machine, Option } from '../../model/machine.js'
import { json, pairs } from './words.js'

/** A USB controller with a tablet, whose pointer is where the viewer's is, and a keyboard for boards that have none. The setting `usb` replaces all. */
export function usbOptions({ usb, arch }: Pick<Machine, 'usb' | 'arch'>): Option[] {
  if (usb !== undefined) return pairs(usb)
  return [
    json('-device', { driver: 'qemu-xhci', id: 'usb' }),
    json('-device', { driver: 'usb-tablet', id: 'tablet', bus: 'usb.0' }),
    ...(arch === 'x86_64' ? [] : [json('-device', { driver: 'usb-kbd', id: 'keyboard', bus: 'usb.0' })]),
  ]
}
