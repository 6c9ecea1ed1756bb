// What the images of drives say, without a change to anything.
import path from 'node:path'
import type { Drive, DriveSize } from '../../model/drive.js'
import { parseDriveName } from '../../core/name.js'
import { findEntry, readChain, readLayer } from './layer.js'

/** The drives of one VM by number; `names` are those of all drives in the folder. */
export function drivesOf(folder: string, id: string, names: readonly string[]): Drive[] {
  const drives: Drive[] = []
  for (const name of names) {
    const parsed = parseDriveName(name)
    const found = parsed?.id === id ? findEntry(folder, name) : undefined
    if (parsed === undefined || found === undefined) continue
    drives.push({ name, number: parsed.number, image: readChain(folder, found.file) })
  }
  return drives.sort((a, b) => a.number - b.number)
}

/** What the guest sees, and what the drive's own file takes; the bases under it belong to others as well. */
export function sizeOf(folder: string, { image }: Drive): DriveSize {
  const { virtualBytes, stats } = readLayer(folder, path.basename(image.path))
  return { virtualBytes, allocatedBytes: stats.blocks * 512 }
}
