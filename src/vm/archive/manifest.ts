// The first member of an archive: which VM it is, and what follows. What is read of one somebody hostile may have written. Pure.
import { asObject, integer, list, object, size, text, truth, wrong, type Check } from '../../core/check.js'
import { Failure, messageOf } from '../../core/errors.js'
import { vmId } from '../../core/name.js'
import { parseRecord, type MachineRecord } from '../record/shape.js'
import { archiveFormat, broken, driveMember, mostDriveBytes, mostDrives, mostFiles, variablesMembers } from './form.js'

export interface Manifest {
  readonly format: typeof archiveFormat
  /** Of the nbsvm that wrote it. */
  readonly version: string
  /** When, in milliseconds since 1970: of one that ran, the moment that it shows. */
  readonly atMs: number
  /** What the machine that it comes from calls itself. */
  readonly from: string
  /** Whether it ran: its drives then hold what they would after a power cut. */
  readonly ran: boolean
  readonly record: MachineRecord
  /** As they are written, by name: those that make its hardware. */
  readonly settings: Readonly<Partial<Record<string, string>>>
  /** The files that follow, in their order. */
  readonly files: readonly string[]
  /** Then the drives. */
  readonly drives: readonly ArchivedDrive[]
}

export interface ArchivedDrive {
  readonly number: number
  /** The member's name. */
  readonly member: string
  /** What the guest sees. */
  readonly virtualBytes: number
  /** How much of that is in the archive. */
  readonly dataBytes: number
}

/** Keys, the state of a TPM, and the variables of a UEFI as they are in flash memory. */
const fileShape = /^(?:(?:ssh_host_ed25519_key|ssh_key)(?:\.pub)?|tpm\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,64})$/

function isFileMember(name: string): boolean {
  return fileShape.test(name) || (Object.values(variablesMembers) as string[]).includes(name)
}

export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify({ nbsvm: 'archive', ...manifest }, undefined, 2)}\n`
}

const longestLine = 200

const line: Check<string> = (value, place) => {
  const found = text(value, place)
  return /^[^\p{Cc}]*$/u.test(found) && found.length <= longestLine ? found : wrong('a short line', place)
}

const names: Check<readonly string[]> = (value, place) => {
  const found = list(text)(value, place)
  const isRight = found.length <= mostFiles && new Set(found).size === found.length && found.every(isFileMember)
  return isRight ? found : wrong('a list of files of a VM', place)
}

const drivesOf: Check<readonly ArchivedDrive[]> = (value, place) => {
  const drives = list(object({ number: size, member: text, virtualBytes: size, dataBytes: size }))(value, place)
  const isRight = drives.every(
    ({ number, member, virtualBytes, dataBytes }, at) =>
      number > (drives[at - 1]?.number ?? -1) &&
      number < mostDrives &&
      member === driveMember(number) &&
      virtualBytes > 0 &&
      virtualBytes <= mostDriveBytes &&
      virtualBytes % 512 === 0 &&
      dataBytes <= virtualBytes,
  )
  return isRight && drives.length <= mostDrives ? drives : wrong('a list of drives in their order', place)
}

const settingsOf: Check<Readonly<Record<string, string>>> = (value, place) => {
  const found = Object.entries(asObject(value) ?? wrong('an object', place))
  return Object.fromEntries(found.map(([name, one]) => [name, text(one, `${place}.${name}`)]))
}

const members = object({
  version: line,
  atMs: integer,
  from: line,
  ran: truth,
  record: (value: unknown, place: string) => asObject(value) ?? wrong('an object', place),
  settings: settingsOf,
  files: names,
  drives: drivesOf,
})

/** Reads it. Throws a Failure that says what is not right, or that a newer nbsvm is needed. */
export function readManifest(written: string): Manifest {
  const found = asObject(parsed(written))
  if (found?.['nbsvm'] !== 'archive') throw broken('its manifest is none')
  const format = found['format']
  if (typeof format === 'number' && format > archiveFormat)
    throw new Failure(`a newer nbsvm wrote the archive, in its format ${format}; this one knows ${archiveFormat}`, {
      code: 'ARCHIVE_DAMAGED',
      hints: ['install a newer nbsvm'],
    })
  if (format !== archiveFormat) throw broken('its manifest has no format')
  try {
    const { record, ...manifest } = members(found, '')
    return { ...manifest, format, record: checkRecord(record) }
  } catch (error) {
    throw broken(messageOf(error))
  }
}

/** Under its own name; fields that this nbsvm does not know are left out, for who knows what they will mean. */
function checkRecord(found: Readonly<Record<string, unknown>>): MachineRecord {
  const { name, class: vmClass } = found
  const id = vmId(String(name), typeof vmClass === 'string' ? vmClass : undefined)
  const { format, uuid, macs, generation, arch, machine, cpu, firmware, image, seed, sshPort } = parseRecord(
    JSON.stringify(found),
    id,
  )
  const { kvm, tcg } = cpu ?? {}
  if (macs.length > 64) throw new Failure('its record has too many network cards')
  // It becomes a part of a word for QEMU.
  for (const one of [kvm, tcg])
    if (one !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._,=+-]*$/.test(one)) throw new Failure('its record has no processor')
  return {
    format,
    name: String(name),
    class: typeof vmClass === 'string' ? vmClass : null,
    uuid,
    macs,
    generation,
    ...given({ arch, machine, firmware, sshPort }),
    ...(cpu === undefined ? {} : { cpu: given({ kvm, tcg }) }),
    ...(seed === undefined ? {} : { seed: { instanceId: seed.instanceId, user: seed.user } }),
    ...(image === undefined
      ? {}
      : { image: { name: image.name, digest: image.digest, level: image.level, traits: image.traits } }),
  }
}

/** Without those that are missing. */
function given<T extends object>(members_: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(members_).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }
}

function parsed(written: string): unknown {
  try {
    return JSON.parse(written)
  } catch {
    return undefined
  }
}
