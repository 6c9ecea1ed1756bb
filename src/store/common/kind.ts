// What a file is by its own words: the images that nbsvm takes, and what people hand over in place of one. Only what is
// recognised is refused or taken as an image; what is left is a raw disk, whose bytes say nothing.
import { UsageError } from '../../core/errors.js'
import { quoteWord } from '../../core/words.js'
import type { ImageFormat } from '../../model/drive.js'
import { looksLikeQcow2 } from './qcow2.js'

/** As much of a file's beginning as tells what it is. */
export const headBytes = 128 * 1024

/** What no disk is, and what to type instead; `FILE` stands for the file. */
interface NoDisk {
  readonly what: string
  readonly hint: string
  readonly is: (head: Buffer) => boolean
}

const unpack = (how: string): string => `unpack it first: ${how}, then name what comes out of it`
const convert = 'convert it first: qemu-img convert -O qcow2 FILE NEW.qcow2'
const noDisk = 'name a qcow2, raw, vmdk, vdi, vhdx or vhd image: source=/PATH'

const noDisks: readonly NoDisk[] = [
  begins('a gzip file', unpack('gunzip -k FILE'), '\x1f\x8b'),
  begins('an xz file', unpack('unxz -k FILE'), '\xfd7zXZ\0'),
  begins('a bzip2 file', unpack('bunzip2 -k FILE'), 'BZh'),
  begins('a zstd file', unpack('unzstd FILE'), '\x28\xb5\x2f\xfd'),
  begins('an lz4 file', unpack('unlz4 FILE'), '\x04\x22\x4d\x18'),
  begins('a zip file', unpack('unzip FILE'), 'PK\x03\x04', 'PK\x05\x06'),
  begins('a 7z file', unpack('7z x FILE'), '7z\xbc\xaf\x27\x1c'),
  {
    what: 'a tar file (an OVA is one)',
    hint: unpack('tar -xf FILE'),
    is: (head) => latin1(head, 257, 5) === 'ustar',
  },
  begins('a QED image', convert, 'QED\0'),
  begins('a Parallels image', convert, 'WithoutFreeSpace', 'WithouFreSpacExt'),
  begins('a VMDK of the old ESX kind', convert, 'COWD'),
  begins('an ELF program', noDisk, '\x7fELF'),
  begins('a PDF file', noDisk, '%PDF'),
  begins('a package', noDisk, '!<arch>\n', '\xed\xab\xee\xdb'),
  {
    what: 'an HTML page, not an image: what was downloaded is a message',
    hint: 'look at it: head FILE',
    is: (head) => /^(\xef\xbb\xbf)?\s*(<!doctype html|<html|<\?xml)/i.test(latin1(head, 0, 512)),
  },
  { what: 'a text file', hint: 'look at it: head FILE', is: isText },
]

function begins(what: string, hint: string, ...magics: readonly string[]): NoDisk {
  return { what, hint, is: (head) => magics.some((magic) => latin1(head, 0, magic.length) === magic) }
}

function latin1(bytes: Buffer, start: number, length: number): string {
  return bytes.toString('latin1', start, start + length)
}

/** All that a person could have typed, for as far as the look goes. */
function isText(head: Buffer): boolean {
  const sample = head.subarray(0, 4096)
  return (
    /[A-Za-z]/.test(latin1(sample, 0, sample.length)) &&
    sample.every((byte) => byte >= 0x20 || (byte >= 0x07 && byte <= 0x0d) || byte === 0x1b)
  )
}

const vdiMagic = 0xbeda107f
const sector = 512

/** What a file of `size` bytes is. `tail` is its last sector: that of a fixed VHD is all that tells it from a raw disk. */
export interface Look {
  readonly head: Buffer
  readonly tail: Buffer
  readonly size: number
}

/** The format of an image. Throws a UsageError for what no disk is, with what it is and what to type. */
export function formatOf({ head, tail, size }: Look, file: string): ImageFormat {
  const refuse = (what: string, ...hints: readonly string[]): never => {
    throw new UsageError(`${file} is ${what}`, { hints: hints.map((hint) => hint.replaceAll('FILE', () => quoteWord(file))) })
  }
  if (size === 0) return refuse('empty', 'look whether it was downloaded: ls -l FILE')
  if (looksLikeQcow2(head)) return 'qcow2'
  if (latin1(head, 0, 4) === 'KDMV' || isVmdkDescriptor(head)) return 'vmdk'
  if (latin1(head, 0, 8) === 'vhdxfile') return 'vhdx'
  if (head.length >= 68 && head.readUInt32LE(64) === vdiMagic) return 'vdi'
  if (latin1(head, 0, 8) === 'conectix' || (size > sector && latin1(tail, 0, 8) === 'conectix')) {
    return vhdTypes.has(tail.length < 64 ? 0 : tail.readUInt32BE(60)) ? 'vpc' : refuse(vhdFault(tail), convert)
  }
  const found = noDisks.find(({ is }) => is(head))
  if (found !== undefined) return refuse(found.what, found.hint)
  if (size % sector === 0) return 'raw'
  return refuse(
    `no disk: it has ${size} bytes, which are no whole sectors of ${sector}`,
    'look whether all of it was downloaded: ls -l FILE',
    `if it is a raw disk that lost its end: truncate -s %${sector} FILE`,
  )
}

/** Fixed and dynamic; a differencing one (4) is nothing without its parent. */
const vhdTypes: ReadonlySet<number> = new Set([2, 3])

function vhdFault(tail: Buffer): string {
  if (latin1(tail, 0, 8) !== 'conectix') return 'a VHD that is cut off: its footer is missing'
  return tail.length >= 64 && tail.readUInt32BE(60) === 4
    ? 'a VHD that is nothing without another one, its parent'
    : 'a VHD of a kind that is not known'
}

export function isVmdkDescriptor(head: Buffer): boolean {
  return /^\s*# *Disk DescriptorFile/i.test(latin1(head, 0, 512))
}

/** Whether a raw disk has something that is found on disks: a partition table, a file system, a volume. */
export function hasKnownContents(head: Buffer): boolean {
  const has = (at: number, text: string): boolean => latin1(head, at, text.length) === text
  const marks = [has(510, '\x55\xaa'), has(512, 'EFI PART'), has(4096, 'EFI PART'), has(1080, '\x53\xef'), has(0, 'XFSB')]
  return marks.some(Boolean) || has(65600, '_BHRfS_M') || has(0, 'LUKS\xba\xbe') || has(512, 'LABELONE') || has(32769, 'CD001')
}
