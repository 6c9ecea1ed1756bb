// What of a machine its guest sees, and so must be the same where it goes on: the rest is for the machine that it comes to. Pure.
import { integer, list, maybe, object, size, text, truth, type Check } from '../core/check.js'
import { Failure } from '../core/errors.js'
import type { Machine, Words } from '../model/machine.js'
import type { Nic } from '../model/nic.js'
import { isOfThisHost } from './cpu.js'

const same = [
  'arch',
  'type',
  'accelerator',
  'cpu',
  'cpus',
  'memBytes',
  'ramPadBytes',
  'clock',
  'tpm',
  'ram',
  'uuid',
  'generation',
  'driveInterface',
  'iothreads',
  'balloon',
  'agent',
  'display',
  'usb',
  'args',
] as const satisfies readonly (keyof Machine)[]

type Same = (typeof same)[number]

/** A machine as its guest sees it. */
export type Portable = Pick<Machine, Same> & {
  readonly firmware: 'uefi' | 'secure' | null
  readonly seed: 'disk' | 'ignition' | null
  /** The numbers of its drives. */
  readonly drives: readonly number[]
  /** How many discs it has. */
  readonly discs: number
  readonly nics: { readonly words: Words } | readonly PortableNic[]
}

interface PortableNic extends Pick<Nic, 'model' | 'mac'> {
  /** QEMU passes large frames to a tap, and the guest relies on that; what its own network (`user`) knows goes along. */
  readonly by: Nic['backend']['kind']
  readonly mtu: number | null
}

/** What of a machine goes along. Throws a Failure that says why its guest could not go on elsewhere. */
export function portableOf(machine: Machine): Portable {
  const [why] = whyBound(machine)
  if (why !== undefined) throw why
  return asItsGuestSees(machine)
}

/** The same, for a guest that goes on here. */
export function asItsGuestSees(machine: Machine): Portable {
  const { drives, nics, firmware, seed, discs } = machine
  const there = same.filter((name) => machine[name] !== undefined)
  return {
    ...(Object.fromEntries(there.map((name) => [name, machine[name]])) as Pick<Machine, Same>),
    firmware: firmware?.kind ?? null,
    seed: seed?.kind ?? null,
    drives: 'words' in drives ? [] : drives.map(({ number }) => number),
    discs: discs.length,
    nics: 'words' in nics ? nics : nics.map(portableNic),
  }
}

function portableNic({ model, mac, backend }: Nic): PortableNic {
  return { model, mac, by: backend.kind, mtu: (backend.kind === 'tap' ? backend.mtu : undefined) ?? null }
}

function bound(why: string, hint: string): Failure {
  return new Failure(why, { hints: [hint] })
}

/** What of a machine ties its guest to this host. */
function whyBound({ cpu, driveInterface, shares, drives, seed, args }: Machine): Failure[] {
  return [
    ...(isOfThisHost(cpu)
      ? [bound(`its processor, cpu=${cpu}, is whatever this machine can do`, 'leave cpu out, or name a model: cpu=Westmere')]
      : []),
    ...(driveInterface === 'nvme'
      ? [bound('QEMU cannot take an NVMe disk along', 'drive_if=virtio is fastest; drive_if=sata works too')]
      : []),
    ...(shares.length > 0
      ? [bound('the folders that it shares are of this machine', 'without them: share=none, or use a network file system')]
      : []),
    ...('words' in drives && drives.words.length > 0
      ? [bound('its drives are QEMU options of yours', 'leave drives out, and let nbsvm find them')]
      : []),
    ...(seed?.kind === 'ignition' ? [bound('a text for Ignition is not taken along', 'move it while it is off')] : []),
    ...(args.some((word) => /vfio|usb-host|host_device|-snapshot\b/.test(word))
      ? [bound('its QEMU options name a device of this machine', 'without it, or move it while it is off')]
      : []),
  ]
}

/**
 * The machine `here`, as this host would start it, made the same for the guest as `portable`. Throws a Failure where this host
 * cannot be that machine.
 */
export function asPortable(here: Machine, portable: Portable): Machine {
  const { firmware, seed, drives, discs, nics, ...rest } = portable
  const numbers = 'words' in here.drives ? [] : here.drives.map(({ number }) => number)
  if (here.accelerator !== rest.accelerator)
    throw new Failure(`it runs with accel=${rest.accelerator} there, and this machine has ${here.accelerator}`)
  if ((here.firmware?.kind ?? null) !== firmware) throw new Failure('its firmware is not the one that it would have here')
  if ((here.seed?.kind ?? null) !== seed) throw new Failure('what tells its guest who it is would not be the same here')
  if (numbers.join(' ') !== drives.join(' '))
    throw new Failure(`it has the drives ${drives.join(', ')} there, not ${numbers.join(', ')}`)
  if (here.discs.length !== discs) throw new Failure('its discs would be others here')
  // What is left out there is left out here.
  const { display: _, usb: __, ramPadBytes: ___, ...host } = here
  const machine: Machine = { ...host, ...rest, nics: asNics(here.nics, nics) }
  // A processor that lacks something says so before anything has come.
  return rest.accelerator === 'kvm' ? { ...machine, cpu: `${rest.cpu},enforce` } : machine
}

/** Whether QEMU's own network serves it. */
export function onOwnNetwork({ nics }: Pick<Portable, 'nics'>): boolean {
  return !('words' in nics) && nics.some(({ by }) => by === 'user')
}

function asNics(here: Machine['nics'], there: Portable['nics']): Machine['nics'] {
  if ('words' in there) return there
  if ('words' in here || here.length !== there.length)
    throw new Failure(`it has ${there.length} network cards there, and would not have so many here`)
  return here.map((nic, index) => {
    const { model, mac, by, mtu } = there[index] ?? portableNic(nic)
    const onTap = by === 'tap'
    const { backend } = nic
    if ((backend.kind === 'tap') !== onTap)
      throw new Failure(
        `its network is ${onTap ? 'a tap' : 'the user network'} there, and would be ${onTap ? 'the user network' : 'a tap'} here`,
        { hints: ['bridge= gives it a tap; run nbsvm as the same user on both'] },
      )
    if (backend.kind !== 'tap') return { model, mac, backend }
    const { mtu: _, ...tap } = backend
    return { model, mac, backend: mtu === null ? tap : { ...tap, mtu } }
  })
}

const oneOf =
  <W extends string>(...words: readonly W[]): Check<W> =>
  (value, place) => {
    const found = words.find((one) => one === value)
    if (found !== undefined) return found
    throw new Failure(`its ${place} is none of ${words.join(', ')}`)
  }

const orNull =
  <T>(check: Check<T>): Check<T | null> =>
  (value, place) =>
    value === null ? null : check(value, place)

const asNic = object({ model: text, mac: text, by: oneOf('user', 'passt', 'tap'), mtu: orNull(integer) })

const members = object({
  arch: oneOf('x86_64', 'aarch64', 'riscv64'),
  type: text,
  accelerator: oneOf('kvm', 'tcg'),
  cpu: text,
  cpus: size,
  memBytes: size,
  ramPadBytes: maybe(size),
  clock: oneOf('utc', 'localtime'),
  tpm: truth,
  ram: oneOf('private', 'shared'),
  uuid: text,
  generation: text,
  driveInterface: oneOf('virtio', 'scsi', 'ide', 'sata', 'nvme', 'usb'),
  iothreads: truth,
  balloon: truth,
  agent: truth,
  display: maybe(list(text)),
  usb: maybe(list(text)),
  args: list(text),
  firmware: orNull(oneOf('uefi', 'secure')),
  seed: orNull(oneOf('disk', 'ignition')),
  drives: list(size),
  discs: size,
  nics: (value: unknown, place: string): Portable['nics'] =>
    Array.isArray(value) ? list(asNic)(value, place) : object({ words: list(text) })(value, place),
})

/** Looks at what came from another machine, or was written down. */
export const checkPortable: Check<Portable> = (value, place) => {
  const { display, usb, ramPadBytes, ...portable } = members(value, place)
  const pad = ramPadBytes === undefined ? {} : { ramPadBytes }
  return { ...portable, ...pad, ...(display === undefined ? {} : { display }), ...(usb === undefined ? {} : { usb }) }
}
