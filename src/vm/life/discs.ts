// The discs of a VM: files or drives of the host that it reads.
import { Failure } from '../../core/errors.js'
import { quoteWord } from '../../core/words.js'
import type { Image } from '../../model/drive.js'
import { realPath, readHead, stat } from '../../sys/file.js'
import { formatOf, headBytes } from '../../store/common/kind.js'

/**
 * What QEMU reads of a disc: an ISO file, or a disc drive of the host. Throws a Failure for what is not there, and for what is no
 * disc. `name` is as the user wrote it.
 */
export function discImage(name: string): Image {
  const path = realPath(name)
  const found = path === undefined ? undefined : stat(path)
  if (path === undefined || found === undefined) {
    throw new Failure(`there is no disc ${name}`, {
      code: 'FILE_MISSING',
      hints: ['look for it: ls -l DIR', 'or go without: cdrom=none'],
    })
  }
  if (found.isBlockDevice()) return { kind: 'block', format: 'raw', path }
  if (!found.isFile()) throw new Failure(`${name} is not a disc: it is neither a file nor a block device`)
  const head = readHead(path, headBytes) ?? Buffer.alloc(0)
  const format = formatOf({ head, tail: Buffer.alloc(0), size: found.size }, name)
  if (format === 'raw') return { kind: 'file', format, path }
  throw new Failure(`${name} is a disk (${format}), not a disc`, {
    hints: [
      `as a drive of the VM: source=${quoteWord(path)} clone`,
      `or beside its drives while it runs: attach ${quoteWord(path)}`,
    ],
  })
}
