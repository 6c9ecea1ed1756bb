import path from 'node:path'
import { Failure, messageOf } from '../../core/errors.js'
import { driveExists, driveName, newDriveName, parseDriveName } from '../../core/name.js'
import type { Drive } from '../../model/drive.js'
import { syncLargeFile } from '../../sys/blocks.js'
import { list, setMode, syncFolder } from '../../sys/file.js'
import { moveNew } from '../../sys/link.js'
import { withStoreLock } from './dirlock.js'
import { prepareLayers } from './liveroom.js'
import { driveNames, entry, parseEntry, type DriveFormat } from './entry.js'
import type { Job } from './job.js'
import { readChain } from './layer.js'

const maxDrives = 10_000

/** Which drive a temporary becomes. */
export interface Naming {
  readonly format: DriveFormat
  /** In place of the VM's next. */
  readonly number?: number | undefined
}

/**
 * Gives a finished temporary its name, as the VM's next drive: one more than its highest, so that taking a drive away
 * never moves a new one to its place. Nothing is ever overwritten, and the drive is on the disk before it has its name.
 * Throws a Failure (DRIVE_EXISTS) where the number that it is to have is taken.
 */
export async function publish(job: Job, id: string, temporary: string, { format, number: wanted }: Naming): Promise<Drive> {
  const { folder, note } = job
  // The command that explain prints can be pasted before the first start.
  prepareLayers(folder)
  setMode(temporary, 0o600)
  await syncLargeFile(temporary)
  return withStoreLock(folder, () => {
    // Also sees whether all bases under it are still there: one may have gone with its last user since.
    const image = readChain(folder, path.basename(temporary))
    if (wanted !== undefined) newDriveName(id, driveNames(folder), wanted)
    for (let number = wanted ?? nextNumber(list(folder), id); number < maxDrives; number++) {
      const name = driveName(id, number)
      const place = path.join(folder, entry(name, format).file)
      if (!moveNew(temporary, place)) {
        if (wanted === undefined) continue
        throw driveExists(name)
      }
      done(note, name, () => syncFolder(folder))
      return { name, number, image: { ...image, path: place } }
    }
    throw new Failure(`cannot make another drive of ${id}: it has ${maxDrives} already`)
  })
}

/** What comes after a drive has got its name: the drive is there, and nobody shall try again because of this. */
export function done(note: (text: string) => void, name: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    note(`${name} is done, but a power cut could still undo it: ${messageOf(error)}`)
  }
}

function nextNumber(files: readonly string[], id: string): number {
  const drives = files.map((file) => parseDriveName(parseEntry(file)?.name ?? ''))
  return Math.max(-1, ...drives.filter((drive) => drive?.id === id).map((drive) => drive?.number ?? -1)) + 1
}
