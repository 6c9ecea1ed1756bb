// A backup of a VM into a folder: what has changed since the one before is written, and what is there already is referred to. It counts from
// the moment at which it has its name, and needs no other backup: only chunks, which are removed when no backup needs them.
import { messageOf } from '../../core/errors.js'
import type { Caller } from '../../core/caller.js'
import type { OnProgress, Store } from '../../store/store.js'
import { hostName } from '../../sys/environment.js'
import { makePrivateFolder, syncFolder } from '../../sys/file.js'
import { whenKilled } from '../../sys/talk.js'
import { randomHex } from '../../sys/stamp.js'
import { whileStopped } from '../drive/drives.js'
import { isUp } from '../life/up.js'
import { readAhead } from '../move/parts.js'
import { packParcel, parcelLine } from '../move/parcel.js'
import { isRollingBack, refuseAsleep } from '../record/asleep.js'
import { ensureRecord, refuseMoving } from '../record/record.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'
import { wordsOf } from '../record/words.js'
import { bitmapName } from './bitmaps.js'
import { ChunkWriter, sha256Hex } from './chunks.js'
import { compare } from './compare.js'
import { changedIndex, emptyIndex, indexBytes, type DriveIndex } from './driveindex.js'
import { makeFolder, publishBackup, unfinishedFolder, withFolder, type BackupFolder } from './folder.js'
import { withLiveMoment, type Taking } from './live.js'
import {
  digestLines,
  indexName,
  manifestFormat,
  manifestText,
  readBackups,
  readIndex,
  writeFiles,
  type Backup,
  type How,
  type Manifest,
  type ManifestDrive,
} from './manifest.js'
import { withOffMoment } from './off.js'
import { sweepBackups } from './prune.js'
import { belowOf, type Before, type Moment, type Source } from './source.js'
import { blockBytes, countBlocks, extentOf, spansOf, type Span } from './spans.js'

export interface BackupCaller extends Caller {
  readonly onProgress: OnProgress
}

export interface BackupOptions {
  /** Whether the file systems of its guest stand still for a moment, where it has an agent. */
  readonly standing: boolean
}

export interface BackedUp extends Backup {
  /** The folder of this backup. */
  readonly path: string
  /** Why all of a drive was read, by its name, where it was not the first backup. */
  readonly whys: readonly string[]
  readonly filesStoodMs: number | null
  readonly switchMs: number | null
}

/** Backs up a VM, running or not. Where it fails, all earlier backups are as they were, and so is the VM. */
export async function backupVm(vm: Vm, dir: string, options: BackupOptions, caller: BackupCaller): Promise<BackedUp> {
  const { id } = vm
  const doing = `back up ${id}`
  await refuseMoving(vm, 'back up')
  if (isRollingBack(vm)) refuseAsleep(vm, doing)
  await ensureRecord(vm)
  const folder = makeFolder(dir, id)
  return withFolder(folder, { doing, hold: 'exclusive', signal: caller.signal }, async () => {
    sweepBackups(folder, caller.note)
    const { backups } = readBackups(folder)
    const last = backups.at(-1)
    const token = randomHex(8)
    const atMs = Date.now()
    const taking: Taking = {
      folderId: folder.id,
      bitmap: bitmapName(folder.id, { token, atMs }),
      atMs,
      before: last === undefined ? undefined : beforeOf(folder, last),
      standing: options.standing,
      note: (text) => caller.note?.(text),
      onProgress: caller.onProgress,
      signal: caller.signal,
    }
    const making = { folder, token, last, caller }
    if (!isUp(vm, caller))
      return whileStopped(
        vm,
        doing,
        (store) => withOffMoment(vm, store, taking, (moment) => make(vm, store, making, moment, caller.signal)),
        {
          mayBeAsleep: true,
        },
      )
    const store = await storeOf(vm)
    const watch = whenKilled([...wordsOf(vm), 'backup', '--settle'])
    try {
      return await withLiveMoment(vm, store, taking, (moment) => make(vm, store, making, moment, caller.signal))
    } finally {
      watch.dismiss()
    }
  })
}

function beforeOf(folder: BackupFolder, { manifest }: Backup): Before {
  return {
    bitmap: bitmapName(folder.id, manifest),
    below: new Map(manifest.drives.map(({ number, below }) => [number, below])),
  }
}

interface Making {
  readonly folder: BackupFolder
  readonly token: string
  /** The backup before. */
  readonly last: Backup | undefined
  readonly caller: BackupCaller
}

async function make(vm: Vm, store: Store, making: Making, moment: Moment, signal: AbortSignal | undefined): Promise<BackedUp> {
  const { folder, token } = making
  const place = unfinishedFolder(folder, token)
  makePrivateFolder(place)
  try {
    return await write(vm, store, { ...making, place, signal: signal ?? new AbortController().signal }, moment)
  } catch (error) {
    // What it has written so far is needed by none.
    sweepBackups(folder, undefined)
    throw error
  }
}

interface Placed extends Making {
  readonly place: string
  readonly signal: AbortSignal
}

async function write(vm: Vm, store: Store, placed: Placed, moment: Moment): Promise<BackedUp> {
  const { folder, token, last, place, signal } = placed
  const { atMs, sources, filesStoodMs, switchMs } = moment
  // First: of a VM that runs it changes.
  const vmBytes = await describe(vm, store, token, sources)
  const drives: Written[] = []
  for (const source of sources) drives.push(await writeDrive(source, placed))
  const indexes = drives.map(({ drive, bytes }) => ({ name: indexName(drive.number), bytes }))
  const chunkBytes = drives.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0)
  const manifest: Manifest = {
    format: manifestFormat,
    token,
    sequence: (last?.manifest.sequence ?? 0) + 1,
    atMs,
    vm: vm.id,
    state: switchMs === undefined ? 'off' : filesStoodMs === undefined ? 'crash' : 'files',
    drives: drives.map(({ drive }) => drive),
    vmSha256: sha256Hex(vmBytes),
    writtenBytes: chunkBytes + indexes.reduce((sum, { bytes }) => sum + bytes.length, vmBytes.length),
  }
  const files = [{ name: 'backup.json', bytes: manifestText(manifest) }, { name: 'vm.json', bytes: vmBytes }, ...indexes]
  writeFiles(place, [...files, { name: 'sha256', bytes: Buffer.from(digestLines(files)) }])
  syncFolder(folder.chunks)
  signal.throwIfAborted()
  const name = publishBackup(folder, token, atMs)
  const whys = drives.flatMap(({ why, drive }, at) =>
    drive.how === 'compared' && why !== undefined ? [`${sources[at]?.drive.name}: ${why}`] : [],
  )
  return { name, manifest, path: `${folder.path}/${name}`, whys, filesStoodMs: filesStoodMs ?? null, switchMs: switchMs ?? null }
}

/** The VM as `receive` takes it in. */
async function describe(vm: Vm, store: Store, token: string, sources: readonly Source[]): Promise<Buffer> {
  const record = await ensureRecord(vm)
  const packing = { kind: 'copy', token, from: hostName(), record, live: undefined } as const
  const drives = sources.map(({ drive }) => drive)
  const parcel = await packParcel(vm, store, drives, packing)
  // Whatever store they are in, the drives are here.
  return Buffer.from(parcelLine({ ...parcel, sharedStore: undefined, ended: undefined }))
}

interface Written {
  readonly drive: ManifestDrive
  /** Its index. */
  readonly bytes: Buffer
  readonly writtenBytes: number
  readonly why: string | undefined
}

async function writeDrive(source: Source, placed: Placed): Promise<Written> {
  const { folder, token, caller, signal } = placed
  const { drive, sizeBytes } = source
  const known = indexBefore(placed, drive.number)
  const { changed, bad, how, why } = await changesOf(source, known, placed)
  const writer = new ChunkWriter({ folder: folder.chunks, token, bad })
  try {
    await readInto(writer, source, changed, caller.onProgress, signal)
    const { writtenBytes, ...fresh } = await writer.end()
    const index = changedIndex(known?.index ?? emptyIndex(sizeBytes), sizeBytes, changed, fresh)
    const bytes = indexBytes(index)
    const changedBytes = countBlocks(changed) * blockBytes
    const entry = {
      number: drive.number,
      virtualBytes: sizeBytes,
      sha256: sha256Hex(bytes),
      below: belowOf(drive),
      how,
      changedBytes,
    }
    return { drive: entry, bytes, writtenBytes, why }
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

/** What the backup before has of a drive. Undefined where it has none, or that cannot be read. */
function indexBefore({ folder, last, caller }: Placed, number: number): { readonly index: DriveIndex } | undefined {
  const entry = last?.manifest.drives.find((drive) => drive.number === number)
  if (last === undefined || entry === undefined) return undefined
  try {
    return { index: readIndex(folder, last.name, entry) }
  } catch (error) {
    caller.note?.(`all of drive ${number} is written again: ${messageOf(error)}`)
    return undefined
  }
}

interface Changes {
  readonly changed: readonly Span[]
  readonly bad: ReadonlySet<string>
  readonly how: How
  readonly why: string | undefined
}

async function changesOf(source: Source, known: { readonly index: DriveIndex } | undefined, placed: Placed): Promise<Changes> {
  const { folder, caller, signal } = placed
  const { sizeBytes, parts, why, drive } = source
  if (known === undefined) return { changed: spansOf(parts, sizeBytes), bad: new Set(), how: 'all', why }
  if (why !== undefined) caller.note?.(`all of ${drive.name} is read, to find what has changed: ${why}`)
  const comparing = { folder: folder.chunks, index: known.index, onProgress: caller.onProgress, signal }
  const { changed, bad } = await compare(source, comparing)
  for (const hex of bad)
    caller.note?.(`the chunk ${hex} is damaged: what it had is written again, as far as the drive still has it`)
  return { changed, bad, how: why === undefined ? 'bitmap' : 'compared', why }
}

async function readInto(
  writer: ChunkWriter,
  { read, sizeBytes }: Source,
  changed: readonly Span[],
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<void> {
  const extents = changed.map((span) => extentOf(span, sizeBytes))
  const total = extents.reduce((sum, { length }) => sum + length, 0)
  let done = 0
  for await (const { offset, bytes } of readAhead(read, extents, { reused: true })) {
    signal.throwIfAborted()
    await writer.add(offset / blockBytes, bytes)
    onProgress((done += bytes.length), total)
  }
}
