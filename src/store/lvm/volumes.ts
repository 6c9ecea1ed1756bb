// The volume group as lvm shows it, and how lvm is run.
import type { Drive } from '../../model/drive.js'
import { Failure, messageOf } from '../../core/errors.js'
import { quoteWords } from '../../core/words.js'
import { findProgram } from '../../sys/file.js'
import { untied, type Run, type RunResult } from '../../sys/process.js'
import { nameShape, tagShape, volumePath } from './lvmname.js'

export interface Volume {
  readonly name: string
  /** `/dev/VG/NAME`; there only while it is active. Empty for a pool. */
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
  'lv_name,lv_layout,lv_role,lv_size,origin_size,pool_lv,origin,data_percent,metadata_percent,lv_snapshot_invalid,' +
  'lv_health_status,lv_active,lv_device_open,zero,lv_tags'

/** For reports that programs read. What is wrong is on stderr: LVM 2.03.31 (Debian 13) would write it into the report. */
export const reportOptions = [
  '--config',
  'log/report_command_log=0',
  '--reportformat',
  'json',
  '--units',
  'b',
  '--nosuffix',
] as const

/** Every volume of the group that has a name of its own. Throws a Failure that says what to type where there is no such group. */
export async function listVolumes(group: Group): Promise<Volume[]> {
  const { vg } = group
  const doing = `list the volumes of volume group ${vg}`
  const command = ['lvs', ...reportOptions, '-o', fields, vg]
  const result = await group.asRoot(command).catch(notRun)
  if (result.status === 0) return parseReport(vg, result.stdout, doing)
  // Two lines, the second saying the same of what could not be processed.
  if (/volume group .* not found/i.test(result.stderr)) throw noGroup(vg)
  throw lvmFailure(doing, result, command)
}

function notRun(error: unknown): never {
  if (findProgram('lvs') !== undefined) throw error
  throw new Failure('cannot run lvs, which volumes need: it is not installed', {
    code: 'NOT_INSTALLED',
    hints: ['install lvm2', 'see what else is missing: nbsvm doctor'],
  })
}

function noGroup(vg: string): Failure {
  return new Failure(`there is no volume group ${vg}`, {
    code: 'SOURCE_MISSING',
    hints: ['see which there are: sudo vgs', 'name another: vg=NAME', `make it: sudo vgcreate ${vg} /dev/DISK`],
  })
}

type Row = Readonly<Record<string, unknown>>

/** Reads what `lvs --reportformat json` writes. A row whose name lvm itself would not take is nobody's drive, and left out. */
function parseReport(vg: string, json: string, doing: string): Volume[] {
  let rows: Row[]
  try {
    rows = (JSON.parse(json) as { report: { lv?: Row[] }[] }).report.flatMap(({ lv }) => lv ?? [])
  } catch (cause) {
    throw new Failure(`cannot ${doing}: lvs wrote no report that can be read`, { cause, hints: ['see what it writes: sudo lvs'] })
  }
  return rows.filter(({ lv_name }) => typeof lv_name === 'string' && nameShape.test(lv_name)).map((row) => parseRow(vg, row))
}

/** What lvm says of health: one of its own words. */
const wordShape = /^[A-Za-z][A-Za-z_ ,]{0,63}$/

function parseRow(vg: string, row: Row): Volume {
  const text = (field: string): string | undefined =>
    typeof row[field] === 'string' && row[field] !== '' ? row[field] : undefined
  const number = (field: string): number | undefined => {
    const value = Number(text(field) ?? 'none')
    return Number.isFinite(value) && value >= 0 ? value : undefined
  }
  const name = (field: string): string | undefined => [text(field)].find((value) => nameShape.test(value ?? ''))
  const kind = kindOf(text('lv_layout'), text('lv_role'))
  const own = name('lv_name') ?? ''
  const ownBytes = number('lv_size') ?? 0
  return {
    name: own,
    path: kind === 'pool' ? '' : volumePath(vg, own),
    kind,
    sizeBytes: kind === 'snapshot' ? (number('origin_size') ?? ownBytes) : ownBytes,
    ownBytes,
    pool: name('pool_lv'),
    origin: name('origin'),
    usedPercent: number('data_percent'),
    metadataPercent: number('metadata_percent'),
    invalid: isTrue(text('lv_snapshot_invalid')),
    health: wordOf(text('lv_health_status')),
    active: isTrue(text('lv_active')),
    open: isTrue(text('lv_device_open')),
    zeroing: isTrue(text('zero')),
    tags: (text('lv_tags') ?? '').split(',').filter((tag) => tagShape.test(tag)),
  }
}

/** One of lvm's own words. */
function wordOf(text = ''): string {
  return text === '' || wordShape.test(text) ? text : 'unknown'
}

/** lvm writes a word for yes, nothing for no, and `unknown` where the question does not apply. */
function isTrue(word: string | undefined): boolean {
  return word !== undefined && word !== '' && word !== 'unknown'
}

function kindOf(layouts = '', roles = ''): Volume['kind'] {
  const layout = layouts.split(',')
  if (layout.includes('pool')) return 'pool'
  if (layout.includes('thin')) return 'thin'
  return roles.split(',').includes('thicksnapshot') ? 'snapshot' : 'classic'
}

/** The classic snapshots of a volume. */
export function snapshotsOf(volume: Volume, volumes: readonly Volume[]): Volume[] {
  return volumes.filter(({ kind, origin }) => kind === 'snapshot' && origin === volume.name)
}

/** The volume that a drive is. Throws a Failure when it is gone. */
export function volumeOf(drive: Pick<Drive, 'name'>, volumes: readonly Volume[], doing: string): Volume {
  const found = volumes.find(({ name }) => name === drive.name)
  if (found !== undefined) return found
  throw new Failure(`cannot ${doing}: there is no volume ${drive.name} any more`, { code: 'DRIVE_MISSING' })
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

/** Runs one lvm command as root. Throws a Failure with lvm's own reason. Returns what it wrote to stdout. */
export async function lvm(group: Group, doing: string, command: readonly string[]): Promise<string> {
  const result = await group.asRoot(command)
  if (result.status === 0) return result.stdout
  throw lvmFailure(doing, result, command)
}

/** What an lvm command that failed says, without the warnings that come with every command on a group in trouble. */
export function lvmFailure(doing: string, { status, stderr }: RunResult, command: readonly string[]): Failure {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const reasons = lines.filter((line) => !line.startsWith('WARNING:'))
  const reason = (reasons.length === 0 ? lines : reasons).join('; ') || `exit status ${status}`
  return new Failure(`cannot ${doing}: ${reason}`, { hints: [`the command was: ${quoteWords(untied(command))}`] })
}

/** Runs one lvm command as root whose failure, or that it cannot be run, ends nothing. Returns what failed, and why. */
export async function tryLvm(group: Group, doing: string, command: readonly string[]): Promise<string | undefined> {
  try {
    await lvm(group, doing, command)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
