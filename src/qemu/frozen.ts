// The machines around a guest that is frozen: the twin, which takes its state in and never runs it, and that in which it goes on. Pure.
import { Failure } from '../core/errors.js'
import type { NoImage } from '../model/drive.js'
import type { Handed, Machine, RamFile, Words } from '../model/machine.js'
import type { NicBackend } from '../model/nic.js'
import { firstFd, handFile } from './handover.js'
import { asItsGuestSees, asPortable } from './portable.js'

/** What keeps a guest from being frozen as it runs; undefined where nothing does. */
export function whyNotFrozen({ args, drives, driveInterface, nics, shares, seed, tpm, usb = [] }: Machine): Failure | undefined {
  const own = [...args, ...usb].find((word) => bound.test(word))
  if (own !== undefined) return not(`its QEMU options have ${own}, and a second QEMU could not have the same`, 'start it without')
  if ('words' in drives && drives.words.length > 0) return not('its drives are QEMU options of yours', 'leave drives out')
  if ('words' in nics && nics.words.length > 0) return not('its network is QEMU options of yours', 'leave network out')
  if (driveInterface === 'nvme')
    return not('QEMU cannot save an NVMe disk', 'drive_if=virtio is fastest; drive_if=sata works too')
  if (shares.length > 0) return not('QEMU cannot save the folders that it shares', 'without them: share=none')
  if (tpm) return not('what its TPM holds is not in QEMU', 'without it: tpm=no')
  if (seed?.kind === 'ignition') return not('a text for Ignition tells it who it is')
  return undefined
}

/** Options by which one QEMU has something of the host for itself. */
const bound =
  /^-(?:drive|blockdev|chardev|netdev|nic|fsdev|virtfs|incoming|snapshot|monitor|qmp|serial|hd[a-d]|fd[ab]|cdrom|pflash|sd)$|vfio|usb-host|host_device|vhost-user/

function not(why: string, ...hints: readonly string[]): Failure {
  return new Failure(why, { hints })
}

/** The machine as it would boot, of one whose QEMU waited for a guest that had a past already. */
export function asBooted(machine: Machine): Machine {
  const { args } = machine
  const waiting = [
    ['-incoming', 'defer'],
    ['-incoming', 'defer', '-S'],
  ].find((words) => args.slice(-words.length).join(' ') === words.join(' '))
  return waiting === undefined ? machine : { ...machine, args: args.slice(0, -waiting.length) }
}

/** Where a twin finds what it needs of the host. */
export interface TwinPlace {
  readonly ramFile: RamFile
  /** What it is run through. */
  readonly prefix: Words
  /** How large the drives are, by number, and the variables of its UEFI, in bytes. */
  readonly driveBytes: ReadonlyMap<number, number>
  readonly variableBytes: number
  /** A tap for each of its cards that is on one: what a guest was told of its card, no other network could keep. */
  readonly tapOf: (index: number) => string
}

/** The same machine without anything of the host: its guest's state goes there, and is written down from there. */
export function twinOf(machine: Machine, { ramFile, prefix, driveBytes, variableBytes, tapOf }: TwinPlace): Machine {
  const { drives, nics, firmware, seed, display, handed } = machine
  // Its console and its events are nobody's. What else it was handed it does without, but for the disk that tells it who it is.
  const kept = handed.filter(({ mode, set }) => mode === 'fifo' || `/dev/fdset/${set}` === seed?.path)
  return {
    ...machine,
    id: `${machine.id}-twin`,
    prefix,
    ramFile,
    handed: kept.map(unread),
    drives:
      'words' in drives
        ? drives
        : drives.map(({ name, number }) => ({ name, number, image: zeros(driveBytes.get(number) ?? 0) })),
    discs: machine.discs.map(() => zeros(0)),
    nics:
      'words' in nics
        ? nics
        : nics.map((nic, index) => Object.assign({}, nic, { backend: unplugged(nic.backend, tapOf(index)) })),
    ...(firmware === undefined ? {} : { firmware: { ...firmware, variables: zeros(variableBytes) } }),
    ...(display === undefined ? {} : { display: unseen(display) }),
    args: [...machine.args, '-incoming', 'defer', '-S'],
  }
}

function unread(file: Handed, index: number): Handed {
  return { ...file, ...(file.mode === 'fifo' ? { path: '/dev/null' } : {}), fd: firstFd + index }
}

function zeros(sizeBytes: number): NoImage {
  return { kind: 'none', format: 'raw', path: '', sizeBytes }
}

/** QEMU's own network is a part of what is saved, and without ports of the host it takes nothing from anybody. */
function unplugged(backend: NicBackend, ifname: string): NicBackend {
  const { kind } = backend
  if (kind === 'tap') return { kind, ifname, ...(backend.mtu === undefined ? {} : { mtu: backend.mtu }) }
  return { kind: kind === 'user' ? 'user' : 'none', forwards: [] }
}

/** Options of a display, but for where it is shown. */
function unseen(words: Words): Words {
  return words.filter((word, at) => ![word, words[at - 1]].some((one) => /^-(?:vnc|spice|display)$/.test(one ?? '')))
}

/**
 * The machine `here`, as this host would start it now, made the one in which a frozen guest goes on: what it sees is as it was, but for what
 * is its identity. `fd` is where QEMU finds the state of its devices. Throws a Failure where it cannot be that machine.
 */
export function wokenOf(
  here: Machine,
  frozen: Machine,
  { ramFile, devices }: { readonly ramFile: RamFile; readonly devices: string },
): { readonly machine: Machine; readonly fd: number } {
  const same = asPortable(here, asItsGuestSees(frozen))
  const { handed, fd } = handFile(same.handed, devices)
  const macs = 'words' in here.nics ? [] : here.nics.map(({ mac }) => mac)
  const nics = 'words' in same.nics ? same.nics : same.nics.map((nic, index) => ({ ...nic, mac: macs[index] ?? nic.mac }))
  const { uuid, generation } = here
  return { machine: { ...same, uuid, generation, nics, ramFile, handed, args: [...same.args, '-incoming', 'defer'] }, fd }
}
