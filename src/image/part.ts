// What several may want at once, and one makes: a download, or an image that is built.
import path from 'node:path'
import type { Caller } from '../core/caller.js'
import { Failure } from '../core/errors.js'
import { remove } from '../sys/file.js'
import { holderOf, tryLock, waitLock, type Lock } from '../sys/lock.js'
import { hashHex } from '../sys/stamp.js'
import { partNames, type PartNames } from './imagename.js'

/** Longer than anybody waits. */
const lockWaitMs = 7 * 24 * 3600 * 1000

export interface PartWork {
  /** For messages. */
  readonly name: string
  /** What is being done to it: `downloaded`. */
  readonly doing: string
  /** Stands for what is made: the same key, the same file. */
  readonly key: string
}

/** Does work on one part, one at a time: whoever comes second waits, and is told for whom. */
export async function withPart<T>(
  folder: string,
  { name, doing, key }: PartWork,
  { note, signal }: Caller,
  work: (names: PartNames) => Promise<T>,
): Promise<T> {
  const names = partNames(hashHex(key))
  const file = path.join(folder, names.lock)
  const held = `${name} being ${doing}`
  let lock: Lock | undefined = tryLock(file, held)
  if (lock === undefined) {
    const holder = holderOf(file)
    note?.(`${name} is being ${doing} by another nbsvm${holder === undefined ? '' : ` (pid ${holder.pid})`}: waiting for it`)
    lock = await waitLock(file, lockWaitMs, 'exclusive', { doing: held, signal })
  }
  if (lock === undefined)
    throw new Failure(`${name} is being ${doing} by another nbsvm, which does not come to an end`, { code: 'BUSY' })
  try {
    return await work(names)
  } finally {
    remove(file)
    lock.release()
  }
}
