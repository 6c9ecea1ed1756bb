// A drive that becomes what a base holds.
//
// Its new file, an empty overlay of the base, takes the name of the old one in one step. Killed before it: the drive is as it was.
// Killed after it: the drive is what the base holds, and layers that nobody needs any more are collected by the next command.
// The name of a raw drive's file is another one. Such a drive is frozen first, which leaves it as it is, one layer higher.
import path from 'node:path'
import type { Base, Drive } from '../../model/drive.js'
import { remove, rename, syncFolder } from '../../sys/file.js'
import { randomHex } from '../../sys/stamp.js'
import { collect } from './collect.js'
import { withStoreLock } from './dirlock.js'
import { baseName, entry } from './entry.js'
import { insert } from './freeze.js'
import { withJob, type Job, type JobOptions } from './job.js'
import { findEntry, formatOfBase, readChain, readLayer } from './layer.js'
import { prepareLayers } from './liveroom.js'
import { makeOverlay } from './overlay.js'
import { done } from './publish.js'

/** Makes a drive what a base holds, also one that is not there. */
export function restore(
  folder: string,
  drive: Pick<Drive, 'name' | 'number'>,
  { name: base, virtualBytes }: Pick<Base, 'name' | 'virtualBytes'>,
  options: JobOptions,
): Promise<Drive> {
  const format = formatOfBase(folder, base)
  return withJob(folder, options, async (job) => {
    prepareLayers(folder)
    const overlay = makeOverlay(job, { base, format, virtualBytes })
    for (;;) {
      await renameRaw(job, drive.name)
      const restored = await replace(job, drive, overlay)
      if (restored !== undefined) return restored
    }
  })
}

/** Makes a raw drive an overlay of what it was. */
async function renameRaw(job: Job, name: string): Promise<void> {
  const found = findEntry(job.folder, name)
  if (found?.format !== 'raw') return
  const top = readLayer(job.folder, found.file)
  const { format, virtualBytes } = top
  const base = baseName(randomHex(8), format)
  await insert(job.folder, top, { base, own: makeOverlay(job, { base, format, virtualBytes }) })
}

/** Undefined, and nothing is done, where the drive has a raw file by now. */
function replace(
  { folder, note }: Job,
  { name, number }: Pick<Drive, 'name' | 'number'>,
  overlay: string,
): Promise<Drive | undefined> {
  return withStoreLock(folder, () => {
    // Also sees whether the base is there still, with all that is under it.
    const image = readChain(folder, path.basename(overlay))
    if (findEntry(folder, name)?.format === 'raw') return undefined
    // Only the old name of what the drive stands on now: with another file as the drive it would be a second drive.
    if (remove(path.join(folder, entry(name, 'raw').file))) syncFolder(folder)
    const place = path.join(folder, entry(name, 'qcow2').file)
    rename(overlay, place)
    done(note, name, () => {
      // On the disk before anything goes that the old file needs.
      syncFolder(folder)
      collect(folder)
    })
    return { name, number, image: { ...image, path: place } }
  })
}
