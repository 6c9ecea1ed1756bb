// VMDK: which of them are taken. Layout: "Virtual Disk Format 5.0" by VMware, and QEMU's block/vmdk.c, which opens whatever a
// descriptor names without asking. Nothing is searched for what is bad in it: a file is taken only where all that it says was
// understood, and is that it holds everything itself.
import { lstat, readHead } from '../../sys/file.js'
import { isVmdkDescriptor } from './kind.js'

const sector = 512

/** A descriptor is a page of text. */
const mostDescriptorBytes = 64 * 1024

/** Where QEMU reads the descriptor of a sparse image for its parent, wherever the header says that it is. */
const parentArea = { start: sector, length: 20 * sector }

export interface VmdkLook {
  /** Why it is no image that can be copied; absent where it is one. */
  readonly fault?: string
  /** Other files that it names, or that it may name. */
  readonly refersTo: readonly string[]
}

/** Looks at a VMDK file. */
export function lookAtVmdk(file: string): VmdkLook {
  const head = readHead(file, sector) ?? Buffer.alloc(0)
  if (isVmdkDescriptor(head))
    return { refersTo: namesInDescriptor((readHead(file, mostDescriptorBytes) ?? head).toString('latin1')) }
  const header = readHeader(head)
  if ('fault' in header) return { fault: header.fault, refersTo: [] }
  const end = header.descriptorAt + header.descriptorBytes
  if (end > (lstat(file)?.size ?? 0)) return { fault: 'its descriptor lies beyond its end', refersTo: [] }
  const descriptor = textOf(readHead(file, header.descriptorBytes, header.descriptorAt))
  const around = textOf(readHead(file, parentArea.length, parentArea.start), false)
  return judge(descriptor, around)
}

function textOf(bytes: Buffer | undefined, toEnd = true): string {
  const text = (bytes ?? Buffer.alloc(0)).toString('latin1')
  return toEnd ? (text.split('\0')[0] ?? '') : text
}

function readHeader(head: Buffer): { fault: string } | { descriptorAt: number; descriptorBytes: number } {
  if (head.length < sector) return { fault: 'its header is cut off' }
  const version = head.readUInt32LE(4)
  if (version < 1 || version > 3) return { fault: `its version is ${version}` }
  // Without capacity QEMU takes it for a descriptor alone, whose extents are other files.
  if (head.readBigUInt64LE(12) === 0n) return { fault: 'it says that it has no capacity' }
  const descriptorAt = Number(head.readBigUInt64LE(28)) * sector
  const descriptorBytes = Number(head.readBigUInt64LE(36)) * sector
  const isUsual = descriptorAt === sector && descriptorBytes > 0 && descriptorBytes <= mostDescriptorBytes
  return isUsual ? { descriptorAt, descriptorBytes } : { fault: 'its descriptor is not where such an image has it' }
}

/** The kinds that hold all their data themselves. */
const wholeKinds: ReadonlySet<string> = new Set(['monolithicSparse', 'streamOptimized'])

function judge(descriptor: string, around: string): VmdkLook {
  const kind = /^createType="(?<kind>[^"]*)"/m.exec(descriptor)?.groups?.['kind'] ?? ''
  const extents = descriptor.split(/\r?\n/).filter((line) => /^\W*(RW|RDONLY|NOACCESS)\b/i.test(line))
  const refersTo = namesIn(around).length > 0 ? namesIn(around) : namesIn(descriptor)
  const hasParent = /parentFileNameHint/i.test(around + descriptor) || !/^parentCID=ffffffff\s*$/im.test(descriptor)
  if (hasParent) return { refersTo: refersTo.length > 0 ? refersTo : ['(a parent)'] }
  if (!wholeKinds.has(kind))
    return { refersTo, fault: `it is of the kind ${JSON.stringify(kind)}, not ${[...wholeKinds].join(' or ')}` }
  const isOne = extents.length === 1 && /^(RW|RDONLY) \d+ SPARSE "[^"]*"( 0)?\s*$/.test(extents[0] ?? '')
  return isOne ? { refersTo: [] } : { refersTo, fault: 'it does not hold all its data itself' }
}

/** What a text names as an extent that is not in it, or as a parent. As far as it can be read: for messages. */
function namesIn(text: string): string[] {
  const parents = [...text.matchAll(/parentFileNameHint[^"\n]{0,8}"?(?<name>[^"\r\n\0]*)/gi)]
  const extents = [...text.matchAll(/\b(?:RW|RDONLY|NOACCESS)\b\s+\d+\s+(?!SPARSE)\S+\s+"(?<name>[^"\r\n]*)"/gi)]
  return [...extents, ...parents].map((match) => match.groups?.['name'] ?? '')
}

/** What a descriptor in a file of its own names: all its extents are other files. */
function namesInDescriptor(text: string): string[] {
  const sparse = [...text.matchAll(/\bSPARSE\s+"(?<name>[^"\r\n]*)"/gi)].map((match) => match.groups?.['name'] ?? '')
  const names = [...sparse, ...namesIn(text)]
  return names.length > 0 ? names : ['(no extent that could be read)']
}
