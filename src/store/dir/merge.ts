// Chains that would only grow: layers that nobody else needs are merged into the one above them.
//
// No base is changed, for running VMs may read it: what a base and those under it hold is written into a new file, which then
// takes the base's name in one step. Everybody who stands on that name sees what he saw before; who has the old files open goes
// on reading those. Killed before the step: nothing but a temporary. Killed after it: layers that no chain leads to any more.
import path from 'node:path'
import { Failure, messageOf } from '../../core/errors.js'
import { syncLargeFile } from '../../sys/blocks.js'
import { list, reflink, rename, setMode, stat, syncFolder } from '../../sys/file.js'
import { runOrFail, tied } from '../../sys/process.js'
import { foreignWriters } from '../../sys/writers.js'
import { readHeader } from '../common/qcow2.js'
import { copySparse } from '../common/copying.js'
import { collect } from './collect.js'
import { baseFormat, basesOf, parseEntry, parsePin, temporaryFormat } from './entry.js'
import type { Job } from './job.js'
import { isSame, readLayer, readLayers, type Layer } from './layer.js'
import { withStoreLock } from './dirlock.js'

/** From so many layers on those are merged that can be. */
const manyLayers = 16

/** From so many on the user is told. */
const longChain = 32

/** More than QEMU opens in a time that anybody would wait; it opens a chain by recursion. */
const mostLayers = 200

/** Makes room for one more layer on a drive's chain. Throws a Failure, before anything is changed, where there is none. */
export async function makeRoom(job: Job, file: string): Promise<void> {
  if (readLayers(job.folder, file).length < manyLayers) return
  try {
    await merge(job, file)
  } catch (error) {
    job.signal?.throwIfAborted()
    job.note(`layers that nobody needs were not merged: ${messageOf(error)}`)
  }
  const count = readLayers(job.folder, file).length
  const name = parseEntry(file)?.name ?? file
  const hints = ['a clone of it stands on none: nbsvm VM gold=... clone']
  if (count >= mostLayers) throw new Failure(`${name} stands on ${count} layers, and takes no more`, { hints })
  if (count >= longChain) job.note(`${name} stands on ${count} layers that others need, and starts the slower; ${hints.join('')}`)
}

async function merge(job: Job, file: string): Promise<void> {
  // What the last merge left, which a VM that was just starting might have needed still.
  await withStoreLock(job.folder, () => collect(job.folder))
  const bases = readLayers(job.folder, file).slice(1)
  // Root's qemu-img reads their headers. A VM that ran while it was copied can still write to what is a base now.
  if (bases.some(({ stats }) => foreignWriters(stats).length > 0)) return
  for (const run of runsOf(job.folder, bases)) await mergeRun(job, run)
}

/**
 * The parts of a chain that can be one layer each, top first: all but the first of a part are needed by the one above alone.
 * The lowest of all stays as it is: it holds most, and copying it is what layers are there to spare.
 */
function runsOf(folder: string, bases: readonly Layer[]): Layer[][] {
  const users = countUsers(folder)
  const runs: Layer[][] = []
  for (const [index, base] of bases.slice(0, -1).entries()) {
    // One that can still be written to is a running VM's, which has not gone over to its new layer.
    const isFixed = base.format === 'qcow2' && (base.stats.mode & 0o222) === 0
    const above = runs.at(-1)
    if (!isFixed) runs.push([])
    else if (index > 0 && above !== undefined && above.length > 0 && users.get(base.file) === 1) above.push(base)
    else runs.push([base])
  }
  return runs.filter((run) => run.length > 1)
}

/** How many images and pins need each base. An image that cannot be read may need any: then nothing is merged. */
export function countUsers(folder: string): Map<string, number> {
  const users = new Map<string, number>()
  const add = (base: string | undefined): void => void (base !== undefined && users.set(base, (users.get(base) ?? 0) + 1))
  for (const name of list(folder)) {
    const format = parseEntry(name)?.format ?? baseFormat(name) ?? temporaryFormat(name)
    if (format === 'qcow2' && stat(path.join(folder, name))?.size !== 0) add(readHeader(path.join(folder, name)).backingFile)
    basesOf(parsePin(name)?.hex ?? '').forEach(add)
  }
  return users
}

async function mergeRun(job: Job, run: readonly Layer[]): Promise<void> {
  const [top, lowest] = [run[0], run.at(-1)]
  if (top === undefined || lowest?.backing === undefined) return
  job.note(`merging ${run.length} layers that nobody else needs`)
  const merged = await copyOf(job, top)
  const { format } = readLayer(job.folder, lowest.backing)
  // By name: the copy is in the same folder, and the names in all headers have just been looked at, and nobody can change them.
  const command = ['qemu-img', 'rebase', '-f', 'qcow2', '-b', lowest.backing, '-F', format, merged]
  const options = job.signal === undefined ? {} : { signal: job.signal }
  await runOrFail(`merge ${run.length} layers`, tied(command), options)
  setMode(merged, 0o400)
  await syncLargeFile(merged)
  await withStoreLock(job.folder, () => {
    // Somebody may have been faster; then his is as good.
    if (!isSame(stat(top.path), top.stats)) return
    rename(merged, top.path)
    syncFolder(job.folder)
  })
}

async function copyOf(job: Job, { path: from, virtualBytes }: Layer): Promise<string> {
  const shared = job.name('qcow2')
  if (reflink(from, shared)) {
    setMode(shared, 0o600)
    return shared
  }
  const file = job.file('qcow2')
  await copySparse(from, file, virtualBytes, job.signal === undefined ? {} : { signal: job.signal })
  return file
}
