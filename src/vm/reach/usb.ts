// USB devices of the host: found in /sys as everybody may, and named as lsusb(8) prints them.
import { Failure, UsageError } from '../../core/errors.js'
import { quote } from '../../core/quote.js'
import { list, readText } from '../../sys/file.js'

const devices = '/sys/bus/usb/devices'

export interface UsbDevice {
  /** `046d:c52b` */
  readonly id: string
  readonly bus: number
  readonly address: number
  /** What it calls itself; empty where it does not. */
  readonly words: string
}

/** `usb:046d:c52b` (vendor and product), or `usb:1-4` (bus and device), as lsusb shows both. */
const usbShape = /^usb:(?:(?<id>[0-9a-f]{4}:[0-9a-f]{4})|0*(?<bus>[0-9]{1,3})-0*(?<address>[0-9]{1,3}))$/i

/** The device that a word means. Throws a UsageError for one of another shape, a Failure that names those there are where it is none, or several. */
export function findUsb(word: string, folder = devices): UsbDevice {
  const shape = usbShape.exec(word)
  if (shape === null)
    throw new UsageError(`${quote(word)} is not a USB device`, {
      hints: ['write it like usb:046d:c52b or usb:1-4, as lsusb shows it'],
    })
  const { id, bus, address } = shape.groups ?? {}
  const all = usbDevices(folder)
  const found = all.filter((one) =>
    id === undefined ? one.bus === Number(bus) && one.address === Number(address) : one.id === id.toLowerCase(),
  )
  const [first] = found
  if (first !== undefined && found.length === 1) return first
  const shown = (found.length > 1 ? found : all).map((one) => `usb:${one.bus}-${one.address}  ${one.id} ${one.words}`.trimEnd())
  if (found.length > 1) throw new Failure(`there are ${found.length} USB devices ${id}: say which`, { hints: shown })
  throw new Failure(`this machine has no USB device ${word.slice('usb:'.length)}`, {
    code: 'DEVICE_MISSING',
    hints: shown.length === 0 ? ['it has none at all'] : ['it has:', ...shown],
  })
}

/** Where a device is opened. */
export function usbNode({ bus, address }: Pick<UsbDevice, 'bus' | 'address'>): string {
  return `/dev/bus/usb/${threeDigits(bus)}/${threeDigits(address)}`
}

function threeDigits(number: number): string {
  return String(number).padStart(3, '0')
}

/** What is plugged in, without the controllers' own hubs. */
function usbDevices(folder: string): UsbDevice[] {
  return list(folder).flatMap((name) => {
    const field = (file: string): string => readText(`${folder}/${name}/${file}`)?.trim() ?? ''
    const [vendor, product] = [field('idVendor'), field('idProduct')]
    // `usb1` is a controller, `1-0:1.0` a part of a device.
    if (name.startsWith('usb') || vendor === '' || product === '') return []
    const words = [field('manufacturer'), field('product')].filter((text) => text !== '').join(' ')
    return [{ id: `${vendor}:${product}`, bus: Number(field('busnum')), address: Number(field('devnum')), words }]
  })
}
