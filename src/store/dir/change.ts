// Changes of a drive that exists.
import path from 'node:path'
import type { Drive } from '../../model/drive.js'
import { Failure, UsageError } from '../../core/errors.js'
import { formatSize } from '../../core/size.js'
import { remove as removeFile, syncFolder } from '../../sys/file.js'
import { removeBitmaps } from '../common/dirtybitmaps.js'
import { run, runOrFail } from '../../sys/process.js'
import type { LiveDrives } from '../store.js'
import { collect } from './collect.js'
import { readTop, withOwnFile, writesOwnFile } from './freeze.js'
import { withJob, type JobOptions } from './job.js'
import { readChain } from './layer.js'
import { done } from './publish.js'
import { refuseWriters } from './trust.js'
import { withStoreLock } from './dirlock.js'
import { entry } from './entry.js'

/** Changes the size that the guest sees. */
export async function resize(folder: string, { name }: Drive, sizeBytes: number, { shrink }: { shrink: boolean }): Promise<void> {
  const top = readTop(folder, name)
  // Everything that qemu-img will open is the store's own.
  readChain(folder, top.file)
  if (sizeBytes === top.virtualBytes) return
  const shrinks = sizeBytes < top.virtualBytes
  if (shrinks && !shrink) {
    throw new UsageError(
      `${name} has ${formatSize(top.virtualBytes)}: making it ${formatSize(sizeBytes)} would cut off what lies behind`,
      { hints: ['make file systems and partitions in it smaller first, then add --shrink'] },
    )
  }
  refuseWriters(top)
  // What they have noted does not count after that, and QEMU refuses where one of them is broken.
  if (top.format === 'qcow2') await removeBitmaps(top.path)
  const how = shrinks ? ['--shrink'] : []
  try {
    await runOrFail(`resize ${name}`, ['qemu-img', 'resize', '-q', ...how, '-f', top.format, top.path, String(sizeBytes)])
  } catch (error) {
    // It may have taken clusters for the new size that nothing leads to now.
    if (top.format === 'qcow2') await run(['qemu-img', 'check', '-q', '-r', 'leaks', '-f', 'qcow2', top.path])
    throw error
  }
}

/**
 * Makes a running VM's drive larger. Its QEMU does it, which may still write into the base when a snapshot was cut off: it is
 * moved to the drive's own file first. What the file then says of itself is believed, and not QEMU's answer.
 */
export async function grow(folder: string, { name }: Drive, sizeBytes: number, live: LiveDrives): Promise<void> {
  await withOwnFile(folder, name, live, async (drive) => {
    await live.grow(drive, sizeBytes)
    const { virtualBytes } = readTop(folder, name)
    if (virtualBytes === sizeBytes && (await writesOwnFile(folder, drive, live))) return
    throw new Failure(`${name} has ${formatSize(virtualBytes)} after its VM was told to make it ${formatSize(sizeBytes)}`, {
      hints: ['stop the VM, then resize the drive again'],
    })
  })
}

/** Removes a drive, and the bases that only it stood on. */
export function remove(folder: string, { name }: Pick<Drive, 'name'>, options: JobOptions): Promise<void> {
  // A job, though it makes nothing: what dead ones left is swept first.
  return withJob(folder, options, ({ note }) =>
    withStoreLock(folder, () => {
      const files = [entry(name, 'qcow2'), entry(name, 'raw')].map(({ file }) => path.join(folder, file))
      const removed = files.filter((file) => removeFile(file))
      if (removed.length === 0) throw new Failure(`there is no drive ${name} in ${folder}`, { code: 'DRIVE_MISSING' })
      done(note, `the removal of ${name}`, () => {
        collect(folder)
        syncFolder(folder)
      })
    }),
  )
}
