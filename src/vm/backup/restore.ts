// A VM made again from a backup: as one that comes from another machine (vm/move/receive.ts), which is there whole or not at all, whatever is
// killed. Who wrote the folder is not known: all of it is looked at before it is used.
import type { Caller } from '../../core/caller.js'
import { evaluateFiles } from '../../config/evaluate.js'
import { isSettingName, type SettingName } from '../../config/settings.js'
import { Failure } from '../../core/errors.js'
import type { Outside } from '../../host/place.js'
import type { OnProgress } from '../../store/store.js'
import { randomHex } from '../../sys/stamp.js'
import { parcelLine, readParcel, type Parcel } from '../move/parcel.js'
import { receiveVm } from '../move/receive.js'
import { frameHead, pieceBytes } from '../move/wire.js'
import { isOfGuest } from '../record/foreign.js'
import { draftRecord, renewGeneration } from '../record/record.js'
import { randomUuid } from '../record/identity.js'
import type { Vm } from '../record/vm.js'
import { partsOf } from './chunks.js'
import type { DriveIndex } from './driveindex.js'
import { findBackup, requireFolder } from './find.js'
import { withFolder, type BackupFolder } from './folder.js'
import { readIndex, readVm, type Backup } from './manifest.js'
import { blockBytes } from './spans.js'

export interface Restoring extends Caller {
  readonly outside: Outside
  readonly onProgress: OnProgress
}

export interface Wanted {
  readonly dir: string
  /** The VM that was backed up. */
  readonly from: string
  /** How the name of the backup begins; absent: the newest. */
  readonly when: string | undefined
  /** Gets what will be made, and which of its settings reach out of it, and throws to keep it from being made. */
  readonly confirm?: (backup: Backup, reaching: readonly string[]) => Promise<void>
}

export interface Restored {
  readonly backup: Backup
  /** Settings that were added to its file, so that it is the machine that it was. */
  readonly added: readonly string[]
}

/** Makes `vm` from a backup. Throws a Failure where there is such a VM, or the backup is not whole; nothing of it stays then. */
export async function restoreVm(vm: Vm, wanted: Wanted, restoring: Restoring): Promise<Restored> {
  const { signal, note, outside, onProgress } = restoring
  const folder = requireFolder(wanted.dir, wanted.from, 'of a VM of another name: --from=VM')
  return withFolder(folder, { doing: `restore ${wanted.from}`, hold: 'shared', signal }, async () => {
    const backup = findBackup(folder, wanted.when)
    const parcel = readOwn(folder, backup)
    const indexes = new Map(backup.manifest.drives.map((drive) => [drive.number, readIndex(folder, backup.name, drive)]))
    await wanted.confirm?.(backup, reachingSettings(parcel))
    const input = streamOf(folder, { ...parcel, record: recordFor(vm, wanted, parcel) }, indexes, onProgress)
    const { added } = await receiveVm(vm, { input, answer: () => {}, note, signal, outside })
    return { backup, added }
  })
}

/** The VM of a backup, whose drives are those of which it has indexes. */
function readOwn(folder: BackupFolder, backup: Backup): Parcel {
  const text = readVm(folder, backup).toString('utf8')
  const found = readParcel(parsed(text))
  const drives = backup.manifest.drives.map(({ number, virtualBytes }) => ({
    number,
    virtualBytes,
    allocatedBytes: found.drives.find((drive) => drive.number === number)?.allocatedBytes ?? virtualBytes,
  }))
  return { ...found, kind: 'copy', token: randomHex(8), sharedStore: undefined, live: undefined, ended: undefined, drives }
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch (error) {
    throw new Failure('what the backup says of its VM is damaged', { code: 'BACKUP_DAMAGED', cause: error })
  }
}

/** Settings that say nothing of the guest's hardware, and give it nothing of its host either. */
const harmless: ReadonlySet<string> = new Set<SettingName>([
  ...(['mac', 'accel', 'aio', 'vhost', 'timeout', 'log_size'] as const),
  ...(['image', 'packages', 'drive_size', 'gold', 'snapshot_size'] as const),
])

/** Those that a backup brings along and that may give a guest something of its host, or have QEMU do what nobody looks at. */
function reachingSettings({ settings, file = '' }: Pick<Parcel, 'settings' | 'file'>): string[] {
  const found = Object.entries(settings).filter(([name, text]) => !isHarmless(name, text))
  return [...new Set([...found.map(([name]) => name), ...reachingIn(file)])]
}

function isHarmless(name: string, text: string): boolean {
  return harmless.has(name) || (isSettingName(name) && isOfGuest(name, text))
}

/** What is not known yet, in words that no setting takes for "none". */
const unknown = { vm: '-', class: '-', drawer: '-' }

/** What of its settings file does. What it includes is not in the backup, and whatever lies there on this machine. */
function reachingIn(text: string): string[] {
  const file = 'its settings'
  let includes = false
  const read = (one: string): string => {
    if (one === file) return text
    includes = true
    return ''
  }
  let values: ReturnType<typeof evaluateFiles>
  try {
    values = evaluateFiles([file], { variables: unknown, home: '/', read })
  } catch (error) {
    throw new Failure('the settings file of the backup cannot be read', { code: 'BACKUP_DAMAGED', cause: error })
  }
  const found = [...values].filter(([name, { value }]) => typeof value !== 'string' || !isHarmless(name, value))
  return [...found.map(([name]) => name), ...(includes ? ['. (other files)'] : [])]
}

/** A past of the VM comes back; under another name it is another one, which may run beside the first. */
function recordFor(vm: Vm, { from }: Wanted, { record }: Parcel): Parcel['record'] {
  if (vm.id === from) return renewGeneration(record)
  const { uuid: _, macs } = draftRecord(vm)
  const { sshPort: __, ...others } = record
  return renewGeneration({ ...others, uuid: randomUuid(), macs })
}

/** What `send` would write. */
async function* streamOf(
  { chunks: folder }: BackupFolder,
  parcel: Parcel,
  indexes: ReadonlyMap<number, DriveIndex>,
  onProgress: OnProgress,
): AsyncGenerator<Buffer> {
  yield Buffer.from(parcelLine(parcel))
  const total = [...indexes.values()].flatMap(({ runs }) => runs).reduce((sum, { count }) => sum + count * blockBytes, 0)
  let sent = 0
  for (const [drive, index] of indexes) {
    for (const { run, bytes } of partsOf(folder, index)) {
      const from = run.start * blockBytes
      // The last block may be cut.
      const own = bytes.subarray(0, Math.min(bytes.length, index.sizeBytes - from))
      for (let at = 0; at < own.length; at += pieceBytes) {
        const piece = own.subarray(at, at + pieceBytes)
        yield frameHead({ kind: 'data', drive, offset: from + at, bytes: piece })
        yield piece
        sent += piece.length
        onProgress(sent, total)
      }
    }
  }
  yield frameHead({ kind: 'end', bytes: sent })
}
