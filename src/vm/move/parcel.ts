// What goes along with a VM besides its drives and its RAM: the first line of what is sent.
import path from 'node:path'
import { asObject, integer, list, maybe, object, orNull, size, text, truth, word, wrong, type Check } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import { vmId } from '../../core/name.js'
import { version } from '../../core/version.js'
import type { SettingTexts } from '../../config/fold.js'
import { settingsFiles } from '../../config/layers.js'
import type { Drive, Image } from '../../model/drive.js'
import type { Ending } from '../../qemu/journal.js'
import type { Store } from '../../store/store.js'
import { bytesOnDisk, list as namesIn, readRegular, stat } from '../../sys/file.js'
import { readPlainBytes } from '../../sys/plain.js'
import { checkMovable, checkSettings, ownSettings, type Movable } from '../life/movable.js'
import { recordFolder, type MachineRecord } from '../record/record.js'
import { tokenShape } from '../record/moves.js'
import { parseRecord } from '../record/shape.js'
import { endingOf } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import { notOurs } from './wire.js'

/** Changes whenever an nbsvm could not make anything of what another sends. */
const protocol = 1

export interface Parcel {
  /** `move`: somebody waits for answers, and gives the VM away when all has come. `copy`: it is whole by itself, and ends. */
  readonly kind: 'move' | 'copy'
  readonly version: string
  readonly token: string
  /** What the machine that it comes from calls itself. */
  readonly from: string
  readonly record: MachineRecord
  /** The settings that make its hardware, as they are for its next start. */
  readonly settings: SettingTexts
  /** The settings file that the user wrote for it. */
  readonly file: string | undefined
  /** What stands beside its record. */
  readonly files: readonly ParcelFile[]
  readonly drives: readonly ParcelDrive[]
  /** Of a store whose drives are the same ones on all machines: what that calls itself. */
  readonly sharedStore: string | undefined
  /** A VM that runs. */
  readonly live: Live | undefined
  /** Why one that is off does not run. */
  readonly ended: Ending | undefined
}

export interface Live {
  readonly movable: Movable
  /** QEMU's version. */
  readonly qemu: string
  /** Whether its guest goes on there; one that is paused stays so. */
  readonly ran: boolean
  /** The disk that tells the guest who it is. */
  readonly seed: Buffer | undefined
}

export interface ParcelFile {
  readonly name: string
  readonly bytes: Buffer
}

export interface ParcelDrive {
  readonly number: number
  readonly virtualBytes: number
  /** What it takes at most where it goes. */
  readonly allocatedBytes: number
}

/** Keys, the variables of a UEFI, the state of a TPM. */
const ownFiles =
  /^(?:(?:ssh_host_ed25519_key|ssh_key)(?:\.pub)?|nvram-(?:uefi|secure)\.qcow2|tpm\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,64})$/

const largestFile = 16 * 1024 ** 2
const longestWords = 4000
const highestDrive = 999
const largestSettings = 1024 ** 2

export type Packing = Pick<Parcel, 'kind' | 'token' | 'from' | 'record' | 'live'>

/** Collects it. The VM's lock is held, or its QEMU has it. */
export async function packParcel(vm: Vm, store: Store, drives: readonly Drive[], packing: Packing): Promise<Parcel> {
  const sizes = await Promise.all(drives.map((drive) => sizeOf(store, drive)))
  const file = ownFile(vm)
  return {
    ...packing,
    version,
    settings: ownSettings(vm),
    file: file === undefined ? undefined : readRegular(file, largestSettings),
    // What a TPM of a VM that runs holds comes with its RAM.
    files: filesOf(vm).filter(({ name }) => packing.live === undefined || !name.startsWith('tpm/')),
    drives: sizes,
    sharedStore: store.isShared ? store.name : undefined,
    ended: packing.live === undefined ? endingOf(vm.drawer) : undefined,
  }
}

/** Throws a Failure where somebody has made a drive, or removed one, since its drives were looked at: those that are here go. */
export async function requireSame({ id }: Vm, store: Store, drives: readonly Drive[]): Promise<void> {
  const now = (await store.drives(id)).map(({ name }) => name)
  if (now.join(' ') !== drives.map(({ name }) => name).join(' ')) throw new Failure('its drives were changed meanwhile')
}

async function sizeOf(store: Store, drive: Drive): Promise<ParcelDrive> {
  const { virtualBytes, allocatedBytes } = await store.size(drive)
  // There it stands on nothing.
  const below = belowBytes(drive.image.backing)
  return { number: drive.number, virtualBytes, allocatedBytes: Math.min(virtualBytes, allocatedBytes + below) }
}

function belowBytes(image: Image | undefined): number {
  return image === undefined ? 0 : bytesOnDisk(stat(image.path)) + belowBytes(image.backing)
}

/** The file where the user's own settings for this VM are looked for first. */
export function ownFile({ place, name, class: vmClass }: Pick<Vm, 'place' | 'name' | 'class'>): string | undefined {
  return settingsFiles(place.config, name, vmClass).findLast((file) => file.endsWith('.vm'))
}

/** What stands beside its record, as its files are. */
export function filesOf({ place, id }: Pick<Vm, 'place' | 'id'>): ParcelFile[] {
  const folder = recordFolder(place, id)
  const names = [...namesIn(folder), ...namesIn(`${folder}/tpm`).map((name) => `tpm/${name}`)].filter((name) =>
    ownFiles.test(name),
  )
  return names.flatMap((name) => {
    // Those of a TPM are another user's.
    const bytes = readPlainBytes(path.join(folder, name), largestFile)?.bytes
    return bytes === undefined ? [] : [{ name, bytes }]
  })
}

const base64 = (bytes: Buffer | undefined): string | undefined => bytes?.toString('base64')

/** The line that says it. */
export function parcelLine(parcel: Parcel): string {
  const { files, live } = parcel
  return `${JSON.stringify({
    nbsvm: protocol,
    ...parcel,
    files: files.map(({ name, bytes }) => ({ name, base64: base64(bytes) })),
    ...(live === undefined ? {} : { live: { ...live, seed: base64(live.seed) } }),
  })}\n`
}

const bytesOf: Check<Buffer> = (value, place) => Buffer.from(text(value, place), 'base64')

/** What is shown on a line. */
const line: Check<string> = (value, place) => text(value, place).slice(0, longestWords)

/** Drives in order, each once; an upper bound of their numbers, as those between are made and removed where they come to. */
const drivesOf: Check<readonly ParcelDrive[]> = (value, place) => {
  const drives = list(object({ number: size, virtualBytes: size, allocatedBytes: size }))(value, place)
  const isInOrder = drives.every(({ number }, at) => number > (drives[at - 1]?.number ?? -1) && number <= highestDrive)
  return isInOrder ? drives : wrong('a list of drives in their order', place)
}

const members = object({
  version: text,
  kind: (value: unknown) => (value === 'copy' ? ('copy' as const) : ('move' as const)),
  token: text,
  from: text,
  record: (value: unknown, place: string) => asObject(value) ?? text(value, place),
  settings: checkSettings,
  file: maybe(text),
  files: list(object({ name: text, base64: bytesOf })),
  drives: drivesOf,
  sharedStore: maybe(text),
  live: maybe(object({ movable: checkMovable, qemu: text, ran: truth, seed: maybe(bytesOf) })),
  ended: maybe(
    object({ kind: (value: unknown, place: string) => word(value, place) as Ending['kind'], atMs: orNull(integer), words: line }),
  ),
})

/** Under its own name, whatever it will be called here. */
function checkRecord(found: string | Readonly<Record<string, unknown>>): MachineRecord {
  const { name, class: vmClass } = asObject(found) ?? {}
  const id = vmId(String(name), typeof vmClass === 'string' ? vmClass : undefined)
  try {
    return parseRecord(JSON.stringify(found), id)
  } catch (error) {
    throw new Failure('its record is not right', { cause: error })
  }
}

/** Looks at what came. Throws a Failure for what this nbsvm can make nothing of. */
export function readParcel(header: Readonly<Record<string, unknown>>): Parcel {
  if (header['nbsvm'] === undefined) throw notOurs()
  if (integer(header['nbsvm'], 'nbsvm') !== protocol)
    throw new Failure(`nbsvm ${String(header['version'])} sends VMs in another way than nbsvm ${version}`, {
      code: 'MOVE_IMPOSSIBLE',
      hints: ['install the same nbsvm on both machines'],
    })
  const { record: found, files, ...parcel } = members(header, '')
  const record = checkRecord(found)
  const wrong = files.find(({ name }) => !ownFiles.test(name))
  if (wrong !== undefined) throw new Failure(`a file of that name does not belong to a VM: ${JSON.stringify(wrong.name)}`)
  if (!tokenShape.test(parcel.token)) throw new Failure('its token is not one')
  if (parcel.kind === 'copy' && parcel.live !== undefined) throw new Failure('a VM that runs does not come as a copy')
  const from = /^[A-Za-z0-9._-]{1,64}$/.test(parcel.from) ? parcel.from : 'another machine'
  return {
    ...parcel,
    from,
    record,
    files: files.map(({ name, base64 }) => ({ name, bytes: base64 })),
  }
}
