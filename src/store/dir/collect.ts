// Bases that nobody stands on any more, and what a killed nbsvm left between two steps.
import path from 'node:path'
import { attempt } from '../../core/attempt.js'
import { list, lstat, remove, rename, setMode, syncFolder } from '../../sys/file.js'
import { readHeader } from '../common/qcow2.js'
import { isOldName } from './layer.js'
import { withStoreLock } from './dirlock.js'
import { baseFormat, basesOf, entry, parseEntry, parseMove, parsePin, temporaryFormat } from './entry.js'

/**
 * Removes every base that no drive and no unfinished work leads to. Under the store's lock. Where the header of a drive
 * or a base cannot be read nobody knows what it needs, and every base is kept.
 */
export function collect(folder: string): void {
  const names = list(folder)
  const bases = names.filter((name) => baseFormat(name) !== undefined)
  if (bases.length === 0) return
  const needed = new Set<string>()
  try {
    for (const name of names) {
      if (parseEntry(name)?.format === 'qcow2') follow(folder, name, needed)
      // Work that has no readable header yet leads nowhere: whoever made it looks for its base before giving it a name.
      else if (temporaryFormat(name) === 'qcow2') attempt(() => follow(folder, name, needed))
      for (const base of basesOf((parsePin(name) ?? parseMove(name))?.hex ?? ''))
        if (names.includes(base)) need(folder, base, needed)
    }
  } catch {
    return
  }
  const unneeded = bases.filter((name) => !needed.has(name))
  for (const name of unneeded) remove(path.join(folder, name))
  if (unneeded.length > 0) syncFolder(folder)
}

/** Marks a base and those under it. */
function need(folder: string, base: string, needed: Set<string>): void {
  needed.add(base)
  follow(folder, base, needed)
}

/** Marks the bases under an image. */
function follow(folder: string, name: string, needed: Set<string>): void {
  for (let at: string | undefined = name; at !== undefined && !at.endsWith('.raw');) {
    const next: string | undefined = readHeader(path.join(folder, at)).backingFile
    if (next === undefined || needed.has(next) || baseFormat(next) === undefined) return
    needed.add(next)
    at = lstat(path.join(folder, next)) === undefined ? undefined : next
  }
}

/** Repairs what a job that was killed had begun: every state between two of its steps is whole, but may hold too much. */
export function repair(folder: string): Promise<void> {
  return withStoreLock(folder, () => {
    for (const name of list(folder)) finishMove(folder, name)
    const names = new Set(list(folder))
    for (const name of names) {
      const found = parseEntry(name)
      if (found?.format === 'raw' && names.has(entry(found.name, 'qcow2').file)) removeOldName(folder, found.name)
      if (name.startsWith('.base-')) makeReadOnly(path.join(folder, name))
    }
    collect(folder)
  })
}

/** A drive that was to become a base by two moves and had only the first gets its name back. */
function finishMove(folder: string, file: string): void {
  const found = parseMove(file)
  if (found === undefined) return
  const isThere = (name: string): boolean => lstat(path.join(folder, name)) !== undefined
  const base = basesOf(found.hex).find(isThere)
  const format = baseFormat(base ?? '')
  const hasFile = (['qcow2', 'raw'] as const).some((one) => isThere(entry(found.drive, one).file))
  if (!hasFile && base !== undefined && format !== undefined) {
    rename(path.join(folder, base), path.join(folder, entry(found.drive, format).file))
  }
  syncFolder(folder)
  remove(path.join(folder, file))
}

/** A raw drive that became an overlay's base loses its old name. */
function removeOldName(folder: string, name: string): void {
  const raw = path.join(folder, entry(name, 'raw').file)
  const stats = lstat(raw)
  attempt(() => {
    if (stats !== undefined && isOldName(folder, entry(name, 'qcow2').file, stats)) remove(raw)
  })
}

/** A base that is still a drive's file too, because the drive's overlay never came, stays writable for its drive. */
function makeReadOnly(base: string): void {
  const stats = lstat(base)
  if (stats?.nlink === 1 && (stats.mode & 0o222) !== 0) attempt(() => setMode(base, 0o400))
}
