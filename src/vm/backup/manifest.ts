// What a backup says of itself, written once and read as a stranger's.
import path from 'node:path'
import { integer, list, object, size, text, wrong, type Check } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import { syncFile, syncFolder, writeBytes } from '../../sys/file.js'
import { readPlainBytes } from '../../sys/plain.js'
import { sha256Hex } from './chunks.js'
import { largestIndex, parseIndex, type DriveIndex } from './driveindex.js'
import { backupNames, type BackupFolder } from './folder.js'

/** `backup.json`. */
export interface Manifest {
  readonly format: typeof manifestFormat
  /** The same for no other: sixteen digits. */
  readonly token: string
  /** One more than the backup before: clocks can be set back. */
  readonly sequence: number
  /** When its drives held that, in milliseconds since 1970. */
  readonly atMs: number
  readonly vm: string
  /** `off`; `files`: its guest's file systems stood still; `crash`: as after a power cut. */
  readonly state: BackupState
  readonly drives: readonly ManifestDrive[]
  /** SHA-256 of `vm.json`. */
  readonly vmSha256: string
  /** What it took in the folder, in bytes. */
  readonly writtenBytes: number
}

export type BackupState = 'off' | 'files' | 'crash'

export interface ManifestDrive {
  readonly number: number
  readonly virtualBytes: number
  /** SHA-256 of its index. */
  readonly sha256: string
  /** What the drive's file stood on: a bitmap says nothing of that. */
  readonly below: readonly string[]
  /** `all`: it is the first. `bitmap`: what was written since was known. `compared`: all was read and compared. */
  readonly how: How
  /** How much was changed since the backup before, in bytes of whole blocks. */
  readonly changedBytes: number
}

export type How = 'all' | 'bitmap' | 'compared'

export interface Backup {
  readonly name: string
  readonly manifest: Manifest
}

/** One that cannot be used. */
export interface Damaged {
  readonly name: string
  readonly fault: string
}

export const manifestFormat = 1
const largestManifest = 1024 ** 2
/** As `receive` takes it. */
const largestVm = 64 * 1024 ** 2
const mostDrives = 1000

const hex = (digits: number): Check<string> => {
  const shape = new RegExp(`^[0-9a-f]{${digits}}$`)
  return (value, place) => (typeof value === 'string' && shape.test(value) ? value : wrong(`${digits} digits`, place))
}

const oneOf =
  <T extends string>(...words: readonly T[]): Check<T> =>
  (value, place) =>
    words.find((one) => one === value) ?? wrong('a word that is known', place)

const drivesOf: Check<readonly ManifestDrive[]> = (value, place) => {
  const drives = list(
    object({
      number: size,
      virtualBytes: size,
      sha256: hex(64),
      below: list(text),
      how: oneOf<How>('all', 'bitmap', 'compared'),
      changedBytes: size,
    }),
  )(value, place)
  const isInOrder = drives.every(({ number }, at) => number > (drives[at - 1]?.number ?? -1) && number < mostDrives)
  return isInOrder ? drives : wrong('a list of drives in their order', place)
}

const members = object({
  format: (value: unknown, place: string): typeof manifestFormat =>
    value === manifestFormat ? manifestFormat : wrong('a format that is known', place),
  token: hex(16),
  sequence: size,
  atMs: integer,
  vm: (value: unknown, place: string) => text(value, place).slice(0, 200),
  state: oneOf<BackupState>('off', 'files', 'crash'),
  drives: drivesOf,
  vmSha256: hex(64),
  writtenBytes: size,
}) satisfies Check<Manifest>

export const manifestText = (manifest: Manifest): Buffer => Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`)

export const indexName = (number: number): string => `drive-${number}.index`

/** Reads a file of a backup. Throws a Failure where it is missing, or not what it was. */
function readWhole(place: string, mostBytes: number, sha256: string): Buffer {
  const bytes = readFile(place, mostBytes)
  if (sha256Hex(bytes) !== sha256) throw new Failure(`${place} is not what it was`, { code: 'BACKUP_DAMAGED' })
  return bytes
}

function readFile(place: string, mostBytes: number): Buffer {
  try {
    const bytes = readPlainBytes(place, mostBytes)?.bytes
    if (bytes !== undefined) return bytes
  } catch (error) {
    throw new Failure(`${place} cannot be read`, { code: 'BACKUP_DAMAGED', cause: error })
  }
  throw new Failure(`${place} is missing`, { code: 'BACKUP_DAMAGED' })
}

/** The digests of a backup's files, as sha256sum(1) writes them. */
export function digestLines(files: readonly { readonly name: string; readonly bytes: Buffer }[]): string {
  return files.map(({ name, bytes }) => `${sha256Hex(bytes)}  ${name}\n`).join('')
}

/** What a backup says of itself. Throws a Failure where that is not what was written. */
export function readManifest(folder: Pick<BackupFolder, 'path'>, name: string): Manifest {
  const place = path.join(folder.path, name)
  const sums = readFile(`${place}/sha256`, largestManifest).toString('latin1')
  const [, sum = ''] = /^([0-9a-f]{64}) {2}backup\.json$/m.exec(sums) ?? []
  const bytes = readWhole(`${place}/backup.json`, largestManifest, sum)
  try {
    return members(JSON.parse(bytes.toString('utf8')), '')
  } catch (error) {
    throw new Failure(`${place}/backup.json is damaged, or a newer nbsvm made it`, { code: 'BACKUP_DAMAGED', cause: error })
  }
}

/** The index of one of its drives. */
export function readIndex(folder: Pick<BackupFolder, 'path'>, name: string, drive: ManifestDrive): DriveIndex {
  const place = path.join(folder.path, name, indexName(drive.number))
  const index = parseIndex(readWhole(place, largestIndex, drive.sha256))
  if (index.sizeBytes !== drive.virtualBytes) throw new Failure(`${place} is of another drive`, { code: 'BACKUP_DAMAGED' })
  return index
}

/** The VM, as `send` says it. */
export function readVm(folder: Pick<BackupFolder, 'path'>, { name, manifest }: Backup): Buffer {
  return readWhole(path.join(folder.path, name, 'vm.json'), largestVm, manifest.vmSha256)
}

/** All backups of a folder, the oldest first, and those that cannot be read. */
export function readBackups(folder: Pick<BackupFolder, 'path'>): { readonly backups: Backup[]; readonly damaged: Damaged[] } {
  const backups: Backup[] = []
  const damaged: Damaged[] = []
  for (const name of backupNames(folder)) {
    try {
      backups.push({ name, manifest: readManifest(folder, name) })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      damaged.push({ name, fault: error.message })
    }
  }
  return { backups: backups.toSorted((a, b) => a.manifest.sequence - b.manifest.sequence), damaged }
}

/** Writes the files of a backup into a folder, and has them on the disk. */
export function writeFiles(place: string, files: readonly { readonly name: string; readonly bytes: Buffer }[]): void {
  for (const { name, bytes } of files) {
    writeBytes(`${place}/${name}`, bytes)
    syncFile(`${place}/${name}`)
  }
  syncFolder(place)
}

/** What had changed since the backup before, in whole blocks. */
export function changedBytesOf({ drives }: Pick<Manifest, 'drives'>): number {
  return drives.reduce((sum, { changedBytes }) => sum + changedBytes, 0)
}
