// Bases as others know them: frozen, pinned and released.
import path from 'node:path'
import { Failure, UsageError } from '../../core/errors.js'
import type { Base, Drive } from '../../model/drive.js'
import { close, list, lstat, open, remove, syncFolder } from '../../sys/file.js'
import type { FreezeOptions, Pinned } from '../store.js'
import { collect } from './collect.js'
import { basesOf, parsePin, pinName } from './entry.js'
import { freeze } from './freeze.js'
import { withJob } from './job.js'
import { formatOfBase, readChain, readLayer } from './layer.js'
import { withStoreLock } from './dirlock.js'

/** Freezes a drive into a base that is pinned before the overlay goes that kept it so far. */
export function freezeBase(folder: string, { name }: Drive, pinned: string, options: FreezeOptions): Promise<Base> {
  return withJob(folder, options, async (job) => {
    const overlay = readLayer(folder, path.basename(await freeze(job, name, { ...options, exact: true })))
    if (overlay.backing === undefined) throw new Failure(`${name} was frozen into nothing`)
    await pin(folder, overlay.backing, pinned)
    return baseOf(folder, overlay.backing)
  })
}

/** Keeps a base until it is released. */
export function pin(folder: string, base: string, name: string): Promise<void> {
  const file = path.join(folder, pinName(base, name))
  if (parsePin(path.basename(file)) === undefined) throw new UsageError(`${JSON.stringify(name)} cannot be the name of a pin`)
  return withStoreLock(folder, () => {
    if (lstat(path.join(folder, base)) === undefined)
      throw new Failure(`there is no base ${base} in ${folder}`, { code: 'DRIVE_MISSING' })
    if (lstat(file) === undefined) close(open(file, 'new'))
    syncFolder(folder)
  })
}

/** Takes a pin away, and the base when nothing else needs it. */
export function release(folder: string, base: string, name: string): Promise<void> {
  return withStoreLock(folder, () => {
    if (!remove(path.join(folder, pinName(base, name)))) return
    collect(folder)
    syncFolder(folder)
  })
}

/** All pins whose base is there. */
export function pins(folder: string): Pinned[] {
  const names = list(folder)
  return names.flatMap((file) => {
    const found = parsePin(file)
    const base = basesOf(found?.hex ?? '').find((one) => names.includes(one))
    return found === undefined || base === undefined ? [] : [{ name: found.name, base: baseOf(folder, base) }]
  })
}

/** A base by its name, as it is now: layers of it may have been merged. Throws a Failure (DRIVE_MISSING) where it is gone. */
export function findBase(folder: string, name: string): Base {
  formatOfBase(folder, name)
  return baseOf(folder, name)
}

function baseOf(folder: string, file: string): Base {
  return { name: file, image: readChain(folder, file), virtualBytes: readLayer(folder, file).virtualBytes }
}
