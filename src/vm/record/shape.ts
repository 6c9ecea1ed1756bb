// What a VM's record holds, and what is believed of the file it is kept in. Pure.
import type { Arch } from '../../model/guest.js'
import { nameFault, vmId } from '../../core/name.js'
import { checkLevels, type GuestTraits, type KeptImage } from '../../model/guest.js'
import { parseDigest } from '../../model/imageref.js'

/**
 * `machine.json`: what makes a VM this machine and no other, written down once so that neither an upgrade nor another host
 * changes it. Fields that this nbsvm does not know are kept.
 */
export interface MachineRecord {
  /** Version of this layout. */
  readonly format: typeof recordFormat
  /** The name within the class, which the id alone does not tell: `win-a-b` is `a-b` in class `win`, or `b` in `win-a`. */
  readonly name: string
  readonly class: string | null
  readonly uuid: string
  /** By card, in lower case. */
  readonly macs: readonly string[]
  /** Changes whenever a past state of the VM comes back: the guest then knows that others may have been it. */
  readonly generation: string
  /** The processor of the first start; absent in records of before there was a choice, where it is this machine's. */
  readonly arch?: Arch
  /** The versioned machine type of the first start: an upgrade of QEMU must not change a guest's board. */
  readonly machine?: string
  /** The word for QEMU's `-cpu` of the first start under each accelerator. */
  readonly cpu?: Readonly<Partial<Record<Accelerator, string>>>
  /** UEFI, where its first start was with it: it keeps its variables there (nvram.ts). */
  readonly firmware?: 'uefi' | 'secure'
  /** The user that QEMU runs as: root's VMs only, each its own. */
  readonly uid?: number
  /** The image that its first drive was made from, and what is known of the system in it. */
  readonly image?: RecordedImage
  /** What its guest was told at the first start that told it anything. */
  readonly seed?: RecordedSeed
  /** The port of the host's loopback that leads to its ssh. */
  readonly sshPort?: number
}

export interface RecordedSeed {
  /** The same for one drive, whatever it is started with: a guest that is told another takes itself for new. */
  readonly instanceId: string
  /** Whom nbsvm's key lets in. */
  readonly user: string
}

/** An image as a VM remembers it, whatever becomes of the catalogue and of the image. */
export type RecordedImage = Omit<KeptImage, 'image'>

export type Accelerator = 'kvm' | 'tcg'

export const recordFormat = 1

/** A record by its text, if each of its fields is what it must be. Throws an Error that says which is not. */
export function parseRecord(text: string, id: string): MachineRecord {
  const record = asObject(parseJson(text))
  if (record === undefined) throw new Error('it is not a JSON object')
  const { format } = record
  if (typeof format === 'number' && format > recordFormat)
    throw new Error(`it has format ${format}: a newer nbsvm has written it, so a newer one is needed`)
  if (format !== recordFormat) throw new Error(`"format" is not ${recordFormat}`)
  for (const [field, isRight] of Object.entries(fields)) {
    if (!isRight(record[field]))
      throw new Error(`${JSON.stringify(field)} is ${field in record ? 'not what it must be' : 'missing'}`)
  }
  const found = record as unknown as MachineRecord
  if (vmId(found.name, found.class ?? undefined) !== id) throw new Error('it is the record of another VM')
  return found
}

const isName = (value: unknown): boolean => typeof value === 'string' && nameFault(value) === undefined
const isUuid = isText(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
// Of one machine: the lowest bit of the first byte is not set.
const isMac = isText(/^[0-9a-f][02468ace](?::[0-9a-f]{2}){5}$/)
const isCpu = isText(/^[\x20-\x7E]{1,1000}$/)
const highestUid = 2 ** 32 - 2
// No control characters: it is shown.
const isLine = isText(/^[^\p{Cc}]{1,2000}$/u)
const isUser = isText(/^[a-z_][a-z0-9_-]{0,31}$/)
const isLevel = isOneOf(...checkLevels)
const isBytes = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0

const fields: Readonly<Record<string, (value: unknown) => boolean>> = {
  name: isName,
  class: (value) => value === null || isName(value),
  uuid: isUuid,
  macs: (value) => Array.isArray(value) && value.every(isMac),
  generation: isUuid,
  arch: optional(isText(/^(?:x86_64|aarch64|riscv64)$/)),
  machine: optional(isText(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/)),
  cpu: optional((value) => Object.values(asObject(value) ?? { wrong: undefined }).every(isCpu)),
  firmware: optional(isText(/^(?:uefi|secure)$/)),
  uid: optional((value) => Number.isInteger(value) && Number(value) > 0 && Number(value) <= highestUid),
  image: optional(isImage),
  seed: optional(isSeed),
  sshPort: optional((value) => Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536),
}

function isImage(value: unknown): boolean {
  const { name, digest, level, traits } = asObject(value) ?? {}
  return isLine(name) && typeof digest === 'string' && parseDigest(digest) !== undefined && isLevel(level) && areTraits(traits)
}

function isSeed(value: unknown): boolean {
  const { instanceId, user } = asObject(value) ?? {}
  return isUuid(instanceId) && isUser(user)
}

function areTraits(value: unknown): boolean {
  const traits = asObject(value) ?? {}
  return Object.entries(traitFields).every(([field, isRight]) => isRight(traits[field]))
}

const traitFields: Readonly<Record<keyof GuestTraits, (value: unknown) => boolean>> = {
  os: optional(isText(/^[a-z0-9][a-z0-9._-]{0,63}$/)),
  arch: isOneOf('x86_64', 'aarch64', 'riscv64'),
  user: isUser,
  seed: isOneOf('nocloud', 'nuageinit', 'ignition', 'none'),
  hasAgent: (value) => typeof value === 'boolean',
  firmware: (value) => Array.isArray(value) && value.length > 0 && value.every(isOneOf('bios', 'uefi')),
  cpu: optional(isOneOf('v2', 'v3')),
  minMemBytes: isBytes,
  minDriveBytes: isBytes,
}

function isText(shape: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && shape.test(value)
}

function isOneOf(...words: readonly string[]): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && words.includes(value)
}

function optional(isRight: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => value === undefined || isRight(value)
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
