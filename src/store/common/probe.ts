// An image from outside the store: what format it is, how large, and which other files of the host it would have QEMU open.
import type { Image, ImageFormat } from '../../model/drive.js'
import { Failure } from '../../core/errors.js'
import { isClaimed, readHead, realPath, stat } from '../../sys/file.js'
import { runOrFail } from '../../sys/process.js'
import { looksLikeQcow2, readHeader } from './qcow2.js'
import { vmdkHeadBytes, vmdkReferences } from './vmdk.js'

export interface Probed {
  readonly image: Image
  /** Other files of the host that it refers to, as it names them. */
  readonly refersTo: readonly string[]
}

/**
 * Looks at an image file or block device. Throws a Failure for what cannot be a source, and for an image that refers to
 * other files of the host unless `trust` is set: even looking closer would open them.
 */
export async function probe(source: string, trust: boolean): Promise<Probed> {
  const path = realPath(source)
  const stats = path === undefined ? undefined : stat(path)
  if (path === undefined || stats === undefined) throw new Failure(`there is no ${source}`)
  if (stats.isBlockDevice()) return probeDevice(path)
  if (!stats.isFile()) throw new Failure(`${source} is neither an image file nor a block device`)
  const head = readHead(path, vmdkHeadBytes) ?? Buffer.alloc(0)
  const format = formatOf(head, source)
  const image: Image = { format, path, kind: 'file' }
  const refersTo = referencesOf(image, head)
  if (refersTo.length > 0 && !trust) {
    throw new Failure(`${source} refers to other files of this host: ${refersTo.join(', ')}`, {
      hints: ['what they hold would be copied into the guest; if you know and want that: trust_source=yes'],
    })
  }
  await askVirtualBytes(image)
  return { image, refersTo }
}

/** The bytes on a device are the guest's disk whatever they look like: a guest may have written them. */
async function probeDevice(path: string): Promise<Probed> {
  if (isClaimed(path)) {
    throw new Failure(`${path} is mounted or in use on this host: a copy of it would not be whole`, {
      hints: [`see where: lsblk ${path}`],
    })
  }
  const image: Image = { format: 'raw', path, kind: 'block' }
  return { image, refersTo: [] }
}

/** What QEMU says of its size; QEMU also refuses what another QEMU writes to at this moment. */
export async function askVirtualBytes({ format, path }: Image): Promise<number> {
  const text = await runOrFail(`read ${path}`, ['qemu-img', 'info', '-f', format, '--output=json', path])
  const size = (JSON.parse(text) as Record<string, unknown>)['virtual-size']
  if (typeof size !== 'number') throw new Failure(`qemu-img does not tell the size of ${path}: ${text.trim()}`)
  return size
}

const notSupported: readonly (readonly [name: string, magic: string])[] = [
  ['VHD (vpc)', 'conectix'],
  ['QED', 'QED\0'],
  ['Parallels', 'WithoutFreeSpace'],
  ['Parallels', 'WithouFreSpacExt'],
  ['gzip', '\x1f\x8b\b'],
  ['xz', '\xfd7zXZ\0'],
  ['zstd', '\x28\xb5\x2f\xfd'],
]

const vdiMagic = 0xbeda107f

/** The format by the file's own magic; raw is what has none. */
export function formatOf(head: Buffer, file: string): ImageFormat {
  const begins = (magic: string): boolean => head.toString('latin1', 0, magic.length) === magic
  if (looksLikeQcow2(head)) return 'qcow2'
  if (begins('KDMV') || begins('COWD') || /^\s*# *Disk DescriptorFile/i.test(head.toString('latin1', 0, 512))) return 'vmdk'
  if (begins('vhdxfile')) return 'vhdx'
  if (head.length >= 68 && head.readUInt32LE(64) === vdiMagic) return 'vdi'
  const other = notSupported.find(([, magic]) => begins(magic))
  if (other === undefined) return 'raw'
  throw new Failure(`${file} is a ${other[0]} file, not a qcow2, raw, vmdk, vdi or vhdx image`, {
    hints: /^(gzip|xz|zstd)$/.test(other[0])
      ? ['unpack it first']
      : [`convert it first: qemu-img convert -O qcow2 ${file} NEW.qcow2`],
  })
}

/** Other files that the image names. QEMU itself refuses parents in vdi and vhdx. */
function referencesOf({ format, path }: Image, head: Buffer): string[] {
  if (format === 'vmdk') return vmdkReferences(head)
  if (format !== 'qcow2') return []
  const { backingFile, dataFile, encrypted } = readHeader(path)
  if (encrypted) throw new Failure(`${path} is encrypted: nbsvm cannot give QEMU its key`)
  return [backingFile, dataFile === '' ? '(an unnamed data file)' : dataFile].filter((name) => name !== undefined)
}
