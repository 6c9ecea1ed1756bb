// An image file of this machine.
import { Failure } from '../core/errors.js'
import { quoteWord } from '../core/words.js'
import type { Caller } from '../core/caller.js'
import type { Arch } from '../model/guest.js'
import { realPath, reflink, stat } from '../sys/file.js'
import { runOrFail, tied } from '../sys/process.js'
import { fileStamp } from '../sys/stamp.js'
import { withImageJob } from './imagejob.js'
import { keep, type Examine } from './keep.js'
import { isSound, keptImages, type Kept } from './kept.js'

/**
 * The image of a path, of which a copy is kept: the file may be changed afterwards. As long as it is not, it is not copied again.
 * Throws a Failure where there is none.
 */
export async function keepLocal(
  folder: string,
  name: string,
  { arch, examine, caller }: { readonly arch: Arch; readonly examine: Examine; readonly caller: Caller },
): Promise<Kept> {
  const file = realPath(name)
  if (file === undefined)
    throw new Failure(`there is no image ${name}`, { code: 'FILE_MISSING', hints: ['see those that have a name: nbsvm images'] })
  if (stat(file)?.isFile() !== true) {
    throw new Failure(`${name} is not a file`, {
      code: 'FILE_MISSING',
      hints: [`copy a block device instead: source=${quoteWord(name)} clone`],
    })
  }
  const stamp = fileStamp(file)
  const known = keptImages(folder).findLast(({ from }) => from.some((one) => one.name === name && one.stamp === stamp))
  if (known !== undefined && (await isSound(folder, known, caller.signal))) return known
  return withImageJob(folder, async (job) => {
    const copy = job.name()
    if (!reflink(file, copy)) {
      const options = caller.signal === undefined ? {} : { signal: caller.signal }
      await runOrFail(`copy ${name}`, tied(['cp', '--sparse=always', '--', file, copy]), options)
    }
    if (fileStamp(file) !== stamp) throw new Failure(`${name} was changed while it was copied`, { code: 'BUSY' })
    return keep(job, { file: copy, level: 'none', from: { name, arch, stamp, atMs: Date.now() } }, examine, caller)
  })
}
