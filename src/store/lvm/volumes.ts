// The volume group as lvm shows it, and how lvm is run.
import type { Drive } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import { driveName, parseDriveName } from '../../core/name.js'
import { type Run, runOrFail } from '../../sys/process.js'

export interface Volume {
  readonly name: string
  /** `/dev/VG/NAME`; there only while it is active. */
  readonly path: string
  /** `snapshot` is a classic one, with room of its own for what changes; a thin snapshot is a `thin` volume like any. */
  readonly kind: 'classic' | 'snapshot' | 'thin' | 'pool'
  /** What a reader sees. */
  readonly sizeBytes: number
  /** What it takes of the group, or for a thin volume could take of its pool. */
  readonly ownBytes: number
  /** The pool of a thin volume. */
  readonly pool: string | undefined
  /** What a snapshot was made of. */
  readonly origin: string | undefined
  /** How much of `ownBytes` is written, in percent; undefined for a classic volume or an inactive one. */
  readonly usedPercent: number | undefined
  /** Of a pool: how much of its room for metadata is used. */
  readonly metadataPercent: number | undefined
  /** A classic snapshot that ran full: it can never be read again. */
  readonly invalid: boolean
  /** What lvm says is wrong: `out_of_data`, `failed`, `metadata_read_only`, ... or empty. */
  readonly health: string
  readonly active: boolean
  /** Somebody has it open: a QEMU, a mount, a copy. */
  readonly open: boolean
  /** Whether a pool hands out blocks zeroed, so that what was never written reads as zeros. */
  readonly zeroing: boolean
  readonly tags: readonly string[]
}

const fields =
  'lv_name,lv_path,lv_layout,lv_role,lv_size,origin_size,pool_lv,origin,data_percent,metadata_percent,lv_snapshot_invalid,' +
  'lv_health_status,lv_active,lv_device_open,zero,lv_tags'

/** Every volume of the group that has a name of its own. Throws a Failure when there is no such group. */
export async function listVolumes(group: Group): Promise<Volume[]> {
  const units = ['--units', 'b', '--nosuffix']
  const command = ['lvs', '--reportformat', 'json', ...units, '-o', fields, group.vg]
  return parseReport(await lvm(group, `list the volumes of volume group ${group.vg}`, command))
}

type Row = Readonly<Record<string, string>>

/** Reads what `lvs --reportformat json` writes. */
function parseReport(json: string): Volume[] {
  const report = JSON.parse(json) as { report: { lv?: Row[] }[] }
  return report.report.flatMap(({ lv }) => lv ?? []).map(parseRow)
}

function parseRow(row: Row): Volume {
  const text = (field: string): string | undefined => row[field] || undefined
  const number = (field: string): number | undefined => (text(field) === undefined ? undefined : Number(row[field]))
  const kind = kindOf(row)
  const ownBytes = number('lv_size') ?? 0
  return {
    name: row['lv_name'] ?? '',
    path: row['lv_path'] ?? '',
    kind,
    sizeBytes: kind === 'snapshot' ? (number('origin_size') ?? ownBytes) : ownBytes,
    ownBytes,
    pool: text('pool_lv'),
    origin: text('origin'),
    usedPercent: number('data_percent'),
    metadataPercent: number('metadata_percent'),
    invalid: isTrue(row['lv_snapshot_invalid']),
    health: row['lv_health_status'] ?? '',
    active: isTrue(row['lv_active']),
    open: isTrue(row['lv_device_open']),
    zeroing: isTrue(row['zero']),
    tags: (row['lv_tags'] ?? '').split(',').filter((tag) => tag !== ''),
  }
}

/** lvm writes a word for yes, nothing for no, and `unknown` where the question has no sense. */
function isTrue(word: string | undefined): boolean {
  return word !== undefined && word !== '' && word !== 'unknown'
}

function kindOf(row: Row): Volume['kind'] {
  const layout = (row['lv_layout'] ?? '').split(',')
  if (layout.includes('pool')) return 'pool'
  if (layout.includes('thin')) return 'thin'
  return (row['lv_role'] ?? '').split(',').includes('thicksnapshot') ? 'snapshot' : 'classic'
}

/** The classic snapshots of a volume. */
export function snapshotsOf(volume: Volume, volumes: readonly Volume[]): Volume[] {
  return volumes.filter(({ kind, origin }) => kind === 'snapshot' && origin === volume.name)
}

/** The volume that a drive is. Throws a Failure when it is gone. */
export function volumeOf(drive: Pick<Drive, 'name'>, volumes: readonly Volume[], doing: string): Volume {
  const found = volumes.find(({ name }) => name === drive.name)
  if (found !== undefined) return found
  throw new Failure(`cannot ${doing}: there is no volume ${drive.name} any more`)
}

/** Where an active volume is found. */
export function volumePath(vg: string, name: string): string {
  return `/dev/${vg}/${name}`
}

/** The volume as a drive, or undefined when its name is none. */
export function asDrive(path: string): Drive | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const number = parseDriveName(name)?.number
  return number === undefined ? undefined : { name, number, image: { format: 'raw', path, kind: 'block' } }
}

/** The drive of VM `id` that comes next: one above the highest. */
export function nextDriveName(id: string, names: readonly string[]): string {
  const numbers = names.map(parseDriveName).filter((drive) => drive?.id === id)
  return driveName(id, Math.max(-1, ...numbers.map((drive) => drive?.number ?? -1)) + 1)
}

/** The volume group that a store is in, and how its commands are run. */
export interface Group {
  readonly vg: string
  /** Thin pool that new volumes are made in; undefined for classic volumes. */
  readonly pool: string | undefined
  /** Room of a classic snapshot; undefined for as much as its origin has. */
  readonly snapshotSizeBytes: number | undefined
  readonly run: Run
  /** Runs as root what needs it: every lvm command, and what reads or writes a volume. */
  readonly asRoot: Run
  /** Whether nbsvm itself is root. */
  readonly isRoot: boolean
  /** Names this process: `processMark`. */
  readonly mark: string
  /** Eight letters and digits, new each time. */
  readonly unique: () => string
}

/** Runs one lvm command as root. Throws a Failure with lvm's own words. Returns what it wrote to stdout. */
export function lvm(group: Group, doing: string, command: readonly string[]): Promise<string> {
  return runOrFail(doing, command, { run: group.asRoot })
}

/** Runs one lvm command as root, of which it does not matter whether it works. Says whether it did. */
export async function tryLvm(group: Group, command: readonly string[]): Promise<boolean> {
  const { status } = await group.asRoot(command)
  return status === 0
}
