import path from 'node:path'
import { Failure, messageOf } from '../../core/errors.js'
import { driveName, parseDriveName } from '../../core/name.js'
import type { Drive } from '../../model/drive.js'
import { isRoot } from '../../sys/environment.js'
import { list, setMode, syncFolder, syncLargeFile } from '../../sys/file.js'
import { moveNew } from '../../sys/link.js'
import { withStoreLock } from './dirlock.js'
import { makeLayers } from './liveroom.js'
import { entry, parseEntry, type DriveFormat } from './entry.js'
import type { Job } from './job.js'
import { readChain } from './layer.js'

const maxDrives = 10_000

/**
 * Gives a finished temporary its name, as the VM's next drive: one more than its highest, so that taking a drive away
 * never moves a new one to its place. Nothing is ever overwritten, and the drive is on the disk before it has its name.
 */
export async function publish({ folder, note }: Job, id: string, temporary: string, format: DriveFormat): Promise<Drive> {
  // The command that explain prints can be pasted before the first start.
  if (isRoot()) makeLayers(folder)
  setMode(temporary, 0o600)
  await syncLargeFile(temporary)
  return withStoreLock(folder, () => {
    // Also sees whether all bases under it are still there: one may have gone with its last user since.
    const image = readChain(folder, path.basename(temporary))
    for (let number = nextNumber(list(folder), id); number < maxDrives; number++) {
      const name = driveName(id, number)
      const place = path.join(folder, entry(name, format).file)
      if (!moveNew(temporary, place)) continue
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
