import path from 'node:path'
import type { Drive } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import { driveName, parseDriveName } from '../../core/name.js'
import { linkNew, list, remove, setMode, syncFolder, syncLargeFile } from '../../sys/file.js'
import { readChain } from './layer.js'
import { withStoreLock } from './lock.js'
import { entry, parseEntry, type DriveFormat } from './entry.js'

const maxDrives = 10_000

/**
 * Gives a finished temporary its name, as the VM's next drive: one more than its highest, so that taking a drive away
 * never moves a new one to its place. Nothing is ever overwritten, and the drive is on the disk before it has its name.
 */
export async function publish(folder: string, id: string, temporary: string, format: DriveFormat): Promise<Drive> {
  setMode(temporary, 0o600)
  await syncLargeFile(temporary)
  return withStoreLock(folder, () => {
    // Also sees whether all bases under it are still there: one may have gone with its last user since.
    const image = readChain(folder, path.basename(temporary))
    for (let number = nextNumber(list(folder), id); number < maxDrives; number++) {
      const name = driveName(id, number)
      const place = path.join(folder, entry(name, format).file)
      if (!linkNew(temporary, place)) continue
      remove(temporary)
      syncFolder(folder)
      return { name, number, image: { ...image, path: place } }
    }
    throw new Failure(`cannot make another drive of ${id}: it has ${maxDrives} already`)
  })
}

function nextNumber(files: readonly string[], id: string): number {
  const drives = files.map((file) => parseDriveName(parseEntry(file)?.name ?? ''))
  return Math.max(-1, ...drives.filter((drive) => drive?.id === id).map((drive) => drive?.number ?? -1)) + 1
}
