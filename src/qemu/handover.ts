import type { Drive, Image } from '../model/drive.js'
import type { Firmware, Handed, Machine } from '../model/machine.js'
import type { Nic } from '../model/nic.js'

/** The lock is descriptor 3; these come after it. */
export const firstFd = 4

/** What QEMU gets as open descriptors, and the names under which it finds it: `/dev/fdset/1`. */
export interface HandedOver {
  readonly handed: readonly Handed[]
  readonly logs: Machine['logs']
  readonly drives: readonly Drive[]
  readonly discs: readonly Image[]
  readonly firmware?: Firmware
}

/**
 * Lets QEMU have its logs as open descriptors, so that it can add to them and do nothing else to them, and its drives and discs,
 * where it may not open them itself, with the folder for new `layers` of them, and the variables of its UEFI. `handed` is in the
 * order of the descriptors.
 */
export function handOver(
  logs: Machine['logs'],
  { drives, discs }: Pick<HandedOver, 'drives' | 'discs'>,
  options: {
    readonly givesDrives: boolean
    readonly layers?: string | undefined
    readonly firmware?: Firmware | undefined
  },
): HandedOver {
  const handed: Handed[] = []
  let sets = 0
  const give = (path: string, modes: readonly Handed['mode'][]): string => {
    sets++
    for (const mode of modes) handed.push({ fd: firstFd + handed.length, set: sets, path, mode })
    return `/dev/fdset/${sets}`
  }
  // A writable image is handed over twice, as QEMU may want to read only.
  const giveImage = <I extends Image>(image: I, modes: readonly Handed['mode'][]): I => {
    // No file of this machine.
    if (image.kind === 'rbd') return image
    const own = { ...image, path: give(image.path, modes) }
    return image.backing === undefined ? own : { ...own, backing: giveImage(image.backing, ['read']) }
  }
  const { givesDrives, layers, firmware } = options
  const giveVariables = ({ variables }: Firmware): Firmware['variables'] =>
    givesDrives ? giveImage(variables, ['write', 'read']) : variables
  const given = {
    logs: { console: give(logs.console, ['fifo']), events: give(logs.events, ['fifo']) },
    drives: givesDrives ? drives.map((drive) => ({ ...drive, image: giveImage(drive.image, ['write', 'read']) })) : drives,
    discs: givesDrives ? discs.map((image) => giveImage(image, ['read'])) : discs,
    ...(firmware === undefined ? {} : { firmware: { ...firmware, variables: giveVariables(firmware) } }),
    handed,
  }
  // A folder, and so in no set: through it QEMU opens the layers that its drives get while it runs.
  if (givesDrives && layers !== undefined && drives.length > 0) {
    handed.push({ fd: firstFd + handed.length, path: layers, mode: 'read' })
  }
  return given
}

/** Lets QEMU have a file open, for reading, by the number of its descriptor. */
export function handFile(handed: readonly Handed[], path: string): { readonly handed: readonly Handed[]; readonly fd: number } {
  const fd = firstFd + handed.length
  return { handed: [...handed, { fd, path, mode: 'read' }], fd }
}

/** The kernel's half of a virtio network card. */
export const vhostDevice = '/dev/vhost-net'

/** Lets the kernel move the packets of each virtio card on a tap: QEMU gets the device for it open, as only root may open it. */
export function handVhost({ nics, handed }: Pick<Machine, 'nics' | 'handed'>): Pick<Machine, 'nics' | 'handed'> {
  if ('words' in nics) return { nics, handed }
  const all = [...handed]
  const withVhost = nics.map((nic): Nic => {
    if (nic.backend.kind !== 'tap' || !nic.model.startsWith('virtio')) return nic
    const fd = firstFd + all.length
    all.push({ fd, path: vhostDevice, mode: 'write' })
    return { ...nic, backend: { ...nic.backend, vhostFd: fd } }
  })
  return { nics: withVhost, handed: all }
}

/** Lets QEMU read the disk that tells the guest who it is, where it may not open it itself. */
export function handSeed(
  { handed }: Pick<Machine, 'handed'>,
  path: string,
  { givesDrives }: { readonly givesDrives: boolean },
): Pick<Machine, 'handed' | 'seed'> {
  if (!givesDrives) return { handed, seed: { kind: 'disk', path } }
  const set = 1 + Math.max(0, ...handed.map((one) => one.set ?? 0))
  const seed: Handed = { fd: firstFd + handed.length, set, path, mode: 'read' }
  return { handed: [...handed, seed], seed: { kind: 'disk', path: `/dev/fdset/${set}` } }
}

/** The machine as it would be if nothing were handed over: each file by its own path. */
export function takeBack<M extends Machine>(machine: M): M {
  const paths = new Map(machine.handed.map(({ set, path }) => [`/dev/fdset/${set}`, path]))
  const own = <I extends Image>(image: I): I => ({
    ...image,
    path: paths.get(image.path) ?? image.path,
    ...(image.backing === undefined ? {} : { backing: own(image.backing) }),
  })
  const { drives, discs, firmware, seed } = machine
  return {
    ...machine,
    handed: [],
    drives: 'words' in drives ? drives : drives.map((drive) => Object.assign({}, drive, { image: own(drive.image) })),
    discs: discs.map(own),
    ...(firmware === undefined ? {} : { firmware: { ...firmware, variables: own(firmware.variables) } }),
    ...(seed === undefined ? {} : { seed: { ...seed, path: paths.get(seed.path) ?? seed.path } }),
  }
}
