// Whether backups are what they were, to the last byte.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import type { OnProgress } from '../../store/store.js'
import { pause } from '../../sys/clock.js'
import { readChunk } from './chunks.js'
import type { Chunk } from './driveindex.js'
import { withFolder } from './folder.js'
import { requireFolder } from './find.js'
import { changedBytesOf, readBackups, readIndex, readVm, type Backup, type BackupState, type Damaged } from './manifest.js'
import { blockBytes } from './spans.js'

/** A backup in a list. */
export interface ListedBackup {
  readonly name: string
  /** When its drives held that, in milliseconds since 1970; null where it cannot be read. */
  readonly atMs: number | null
  /** `off`, `files` (its guest's file systems stood still) or `crash`; null where it cannot be read. */
  readonly state: BackupState | null
  /** What its drives are large. */
  readonly virtualBytes: number
  /** What was changed since the backup before, in whole blocks. */
  readonly changedBytes: number
  /** What it took when it was made. */
  readonly writtenBytes: number
  /** Why it cannot be restored, as far as was looked. */
  readonly fault: string | null
}

export interface ListOptions extends Caller {
  /** Whether all of them is read and compared with its digests. */
  readonly verify: boolean
  readonly onProgress?: OnProgress
}

/** The backups of a VM, the oldest first, those that cannot be read at the end. */
export async function listBackups(dir: string, id: string, options: ListOptions): Promise<ListedBackup[]> {
  const folder = requireFolder(dir, id)
  return withFolder(folder, { doing: `read the backups of ${id}`, hold: 'shared', signal: options.signal }, async () => {
    const { backups, damaged } = readBackups(folder)
    const faults = options.verify ? await verify(folder, backups, options) : new Map<string, string>()
    return [...backups.map((backup) => listed(backup, faults.get(backup.name) ?? null)), ...damaged.map(unreadable)]
  })
}

function unreadable({ name, fault }: Damaged): ListedBackup {
  return { name, atMs: null, state: null, virtualBytes: 0, changedBytes: 0, writtenBytes: 0, fault }
}

function listed({ name, manifest }: Backup, fault: string | null): ListedBackup {
  const { atMs, state, drives, writtenBytes } = manifest
  return {
    name,
    atMs,
    state,
    virtualBytes: drives.reduce((sum, { virtualBytes }) => sum + virtualBytes, 0),
    changedBytes: changedBytesOf(manifest),
    writtenBytes,
    fault,
  }
}

/** What is wrong, by the names of backups. A chunk that several need is read once. */
async function verify(
  folder: ReturnType<typeof requireFolder>,
  backups: readonly Backup[],
  { onProgress, signal }: ListOptions,
): Promise<Map<string, string>> {
  const faults = new Map<string, string>()
  const needs = new Map<string, { readonly chunk: Chunk; readonly by: string[] }>()
  const blame = (names: readonly string[], work: () => void): void => {
    try {
      work()
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      for (const name of names) if (!faults.has(name)) faults.set(name, error.message)
    }
  }
  for (const backup of backups) {
    const { name, manifest } = backup
    blame([name], () => void readVm(folder, backup))
    for (const drive of manifest.drives)
      blame([name], () => {
        for (const chunk of readIndex(folder, name, drive).chunks) {
          const key = `${chunk.hex} ${chunk.blocks}`
          const need = needs.get(key) ?? { chunk, by: [] }
          needs.set(key, need)
          if (need.by.at(-1) !== name) need.by.push(name)
        }
      })
  }
  const total = [...needs.values()].reduce((sum, { chunk }) => sum + chunk.blocks * blockBytes, 0)
  let done = 0
  for (const { chunk, by } of needs.values()) {
    blame(by, () => void readChunk(folder.chunks, chunk))
    onProgress?.((done += chunk.blocks * blockBytes), total)
    // So that Ctrl-C is seen.
    await pause(0, signal)
  }
  return faults
}
