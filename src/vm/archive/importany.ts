// Which kind of thing a file is that a VM is to be made of: told from its bytes.
import { Failure } from '../../core/errors.js'
import type { Vm } from '../record/vm.js'
import { readHead, realPath, stat } from '../../sys/file.js'
import type { OnProgress } from '../../store/store.js'
import { manifestName } from './form.js'
import { importArchive, type Imported } from './importfile.js'
import type { Importing } from './makenew.js'
import { isPacked } from './zstd.js'

export interface ImportingAny extends Importing {
  readonly isSame: boolean
  readonly onProgress?: OnProgress | undefined
}

/** Makes a VM of a file, or of what comes from stdin. */
export async function importFrom(
  vm: Vm,
  from: { readonly file: string } | { readonly stdin: AsyncIterable<Buffer> },
  importing: ImportingAny,
): Promise<Imported> {
  if ('stdin' in from) return importArchive(vm, { ...importing, input: from.stdin, from: 'stdin' })
  const file = realPath(from.file)
  if (file === undefined) throw new Failure(`there is no file ${from.file}`, { code: 'FILE_MISSING' })
  if (stat(file)?.isFile() !== true && stat(file)?.isBlockDevice() !== true)
    throw new Failure(`${from.file} is neither a file nor a block device`, { code: 'FILE_MISSING' })
  const head = readHead(file, 512) ?? Buffer.alloc(0)
  const isTar = head.toString('latin1', 257, 262) === 'ustar'
  if (isPacked(head) || (isTar && head.toString('latin1', 0, manifestName.length + 1) === `${manifestName}\0`))
    return importArchive(vm, { ...importing, input: { file }, from: from.file })
  if (importing.isSame) throw new Failure(`${from.file} is not what export wrote, so nobody knows which VM it was`)
  if (isTar) return (await import('./ova.js')).importOva(vm, { file, called: from.file }, importing)
  return (await import('./disk.js')).importDisk(vm, { file, called: from.file }, importing)
}

/** Makes a VM of a command line of QEMU. */
export async function importLine(vm: Vm, line: string, importing: ImportingAny): Promise<Imported> {
  return (await import('./commandline.js')).importCommandLine(vm, line, importing)
}
