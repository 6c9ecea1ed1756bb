// What the images of drives say, without a change to anything.
import path from 'node:path'
import { Failure, messageOf } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'
import type { Drive, DriveSize } from '../../model/drive.js'
import { bytesOnDisk, stat } from '../../sys/file.js'
import { driveNames, entry } from './entry.js'
import { findEntry, readChain, readLayer } from './layer.js'

/** The drives of one VM by number. One that is broken hides nothing: it is there with its fault. */
export function drivesOf(folder: string, id: string): Drive[] {
  const drives: Drive[] = []
  for (const name of driveNames(folder)) {
    const parsed = parseDriveName(name)
    if (parsed?.id === id) drives.push(driveOf(folder, name, parsed.number))
  }
  return drives.sort((a, b) => a.number - b.number)
}

function driveOf(folder: string, name: string, number: number): Drive {
  try {
    return { name, number, image: imageOf(folder, name) }
  } catch (error) {
    const files = [entry(name, 'qcow2'), entry(name, 'raw')]
    const { file, format } = files.find((one) => stat(path.join(folder, one.file)) !== undefined) ?? entry(name, 'qcow2')
    return { name, number, image: { kind: 'file', format, path: path.join(folder, file) }, fault: messageOf(error) }
  }
}

function imageOf(folder: string, name: string) {
  const found = findEntry(folder, name)
  if (found !== undefined) return readChain(folder, found.file)
  throw new Failure(`${name} is between two names: another nbsvm makes a snapshot of it, or was killed in that`, {
    code: 'BUSY',
    hints: ['the next snapshot, clone or newimg of any VM puts it back'],
  })
}

/** What the guest sees, and what the drive's own file takes; the bases under it belong to others as well. */
export function sizeOf(folder: string, { image, fault }: Drive): DriveSize {
  if (fault !== undefined) return { virtualBytes: 0, allocatedBytes: bytesOnDisk(stat(image.path)) }
  const { virtualBytes, stats } = readLayer(folder, path.basename(image.path))
  return { virtualBytes, allocatedBytes: bytesOnDisk(stats) }
}

/** Throws a Failure for a drive that is broken, with the reason. */
export function checkDrives(folder: string, drives: readonly Drive[]): void {
  for (const { name, fault } of drives) if (fault !== undefined) imageOf(folder, name)
}
