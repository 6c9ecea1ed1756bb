// The file that an archive is written into: beside it at first, under a name of its own, and with its own name when it is whole.
import path from 'node:path'
import { Failure } from '../../core/errors.js'
import { quoteWord } from '../../core/words.js'
import { syncLargeFile } from '../../sys/blocks.js'
import { close, list, lstat, open, remove, stat, syncFolder } from '../../sys/file.js'
import { moveNew } from '../../sys/link.js'
import { tryLock } from '../../sys/lock.js'

const partShape = /^(?<part>\..+\.nbsvm-part)(?:\.lock)?$/

/** Throws a Failure where nothing could be written there. */
export function checkArchiveFile(file: string): void {
  const folder = path.dirname(path.resolve(file))
  if (stat(folder)?.isDirectory() !== true) throw new Failure(`there is no folder ${folder}`, { code: 'FILE_MISSING' })
  if (lstat(file) !== undefined) throw taken(file)
}

function taken(file: string): Failure {
  return new Failure(`${file} is there already, and nothing is overwritten`, {
    hints: [`choose another name, or remove it: rm ${quoteWord(file)}`],
  })
}

/** Lets `work` write into a descriptor; the file has its name when that resolves. What was killed before is removed. */
export async function writeArchiveFile<T>(file: string, doing: string, work: (fd: number) => Promise<T>): Promise<T> {
  checkArchiveFile(file)
  const folder = path.dirname(path.resolve(file))
  const part = path.join(folder, `.${path.basename(file)}.nbsvm-part`)
  const lock = tryLock(`${part}.lock`, doing)
  if (lock === undefined) throw new Failure(`another nbsvm is just writing ${file}`, { code: 'BUSY' })
  try {
    sweepParts(folder, part)
    const fd = open(part, 'new')
    let made: T
    try {
      made = await work(fd)
    } finally {
      close(fd)
    }
    await syncLargeFile(part)
    if (!moveNew(part, file)) throw taken(file)
    syncFolder(folder)
    return made
  } finally {
    try {
      remove(part)
      remove(`${part}.lock`)
    } catch {
      // The next one that is written there sweeps it.
    }
    lock.release()
  }
}

/** Removes what an export that was killed has left in this folder; `own` is ours, and locked. */
function sweepParts(folder: string, own: string): void {
  remove(own)
  for (const name of new Set(list(folder).flatMap((one) => partShape.exec(one)?.groups?.['part'] ?? []))) {
    const part = path.join(folder, name)
    if (part === own) continue
    const lock = tryLock(`${part}.lock`)
    if (lock === undefined) continue
    remove(part)
    remove(`${part}.lock`)
    lock.release()
  }
}
