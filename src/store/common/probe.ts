// An image from outside the store: what format it is, how large, whether it is whole, and which other files of the host it would
// have QEMU open.
import { Failure } from '../../core/errors.js'
import { quoteWord } from '../../core/words.js'
import type { Image } from '../../model/drive.js'
import { pause } from '../../sys/clock.js'
import { isClaimed, readHead, realPath, stat } from '../../sys/file.js'
import { bounded, outOfTime } from '../../sys/bounds.js'
import { run, runOrFail, tied } from '../../sys/process.js'
import { formatOf, hasKnownContents, headBytes } from './kind.js'
import { faultOf, readHeader } from './qcow2.js'
import { lookAtVmdk } from './vmdk.js'

export interface Probed {
  readonly image: Image
  /** Other files of the host that it refers to, as it names them. */
  readonly refersTo: readonly string[]
}

const tailBytes = 512

/**
 * What qemu-img may take for a look at an image that somebody else wrote: its tables say how much that is. A look at 64 TB that are all in use takes less
 * memory; the time is that of a processor, so a slow disk is not counted.
 */
const lookBounds = { memoryBytes: 4 * 2 ** 30, cpuSeconds: 600 }

/** How long qemu-img is waited for where it reads a header alone. */
const headerMs = 120_000

const trustHints = ['what they hold would be copied into the guest; if you know and want that: trust_source=yes']

/**
 * Looks at an image file or block device. Throws a Failure for what cannot be a source, and for an image that refers to
 * other files of the host unless `trust` is set, with `hints`: even looking closer would open them. `onNote` is told what was taken
 * for what.
 */
export async function probe(
  source: string,
  trust: boolean,
  onNote?: (text: string) => void,
  hints: readonly string[] = trustHints,
): Promise<Probed> {
  const path = realPath(source)
  const stats = path === undefined ? undefined : stat(path)
  if (path === undefined || stats === undefined) throw new Failure(`there is no ${source}`, { code: 'SOURCE_MISSING' })
  if (stats.isBlockDevice()) return probeDevice(path)
  if (!stats.isFile()) throw new Failure(`${source} is neither an image file nor a block device`, { code: 'SOURCE_MISSING' })
  const head = readHead(path, headBytes) ?? Buffer.alloc(0)
  const tail = readHead(path, tailBytes, Math.max(0, stats.size - tailBytes)) ?? Buffer.alloc(0)
  const format = formatOf({ head, tail, size: stats.size }, source)
  const image: Image = { format, path, kind: 'file' }
  const refersTo = referencesOf(image, stats.size)
  if (refersTo.length > 0 && !trust) {
    throw new Failure(`${source} refers to other files of this host: ${refersTo.join(', ')}`, { code: 'DRIVE_DAMAGED', hints })
  }
  await askVirtualBytes(image)
  if (format === 'raw' && !hasKnownContents(head)) {
    onNote?.(`${source} has no partition table and no file system that is known: it is taken for a raw disk`)
  }
  return { image, refersTo }
}

/** The bytes on a device are the guest's disk whatever they look like: a guest may have written them. */
function probeDevice(path: string): Probed {
  if (isClaimed(path)) {
    throw new Failure(`${path} is mounted or in use on this host: a copy of it would not be whole`, {
      code: 'DRIVE_IN_USE',
      hints: [`see where: lsblk ${quoteWord(path)}`],
    })
  }
  const image: Image = { format: 'raw', path, kind: 'block' }
  return { image, refersTo: [] }
}

/** What QEMU says of its size; QEMU also refuses what another QEMU writes to at this moment. */
export async function askVirtualBytes({ format, path }: Image): Promise<number> {
  const command = bounded(['qemu-img', 'info', '-f', format, '--output=json', path], lookBounds)
  const text = await runOrFail(`read ${path}`, command, { timeoutMs: headerMs })
  const size = (JSON.parse(text) as Record<string, unknown>)['virtual-size']
  if (typeof size !== 'number') throw new Failure(`qemu-img does not tell the size of ${path}: ${text.trim()}`)
  return size
}

/** Other files that the image names. Throws a Failure for an image that is damaged. QEMU itself refuses parents in vdi and vhdx. */
function referencesOf({ format, path }: Image, size: number): readonly string[] {
  if (format === 'vmdk') {
    const { fault, refersTo } = lookAtVmdk(path)
    if (fault === undefined) return refersTo
    throw new Failure(`${path} is a VMDK that is not taken: ${fault}`, {
      code: 'DRIVE_DAMAGED',
      hints: [`if you trust it, convert it first: qemu-img convert -f vmdk -O qcow2 ${quoteWord(path)} NEW.qcow2`],
    })
  }
  if (format !== 'qcow2') return []
  const header = readHeader(path)
  if (header.encrypted) throw new Failure(`${path} is encrypted: nbsvm cannot give QEMU its key`, { code: 'DRIVE_DAMAGED' })
  const fault = faultOf(header, size)
  if (fault !== undefined) throw damaged(path, fault)
  const { backingFile, dataFile } = header
  return [backingFile, dataFile === '' ? '(an unnamed data file)' : dataFile].filter((name) => name !== undefined)
}

/** qemu-img check: nothing found, clusters that nobody uses (harmless), a format that cannot be checked. */
const soundStatuses: ReadonlySet<number> = new Set([0, 3, 63])

/** Refuses a qcow2 image in which what was promised is missing: a download that broke off, above all. Nothing in it is repaired. */
export async function refuseDamaged(
  { format, path }: Pick<Image, 'format' | 'path'>,
  name: string,
  signal?: AbortSignal,
): Promise<void> {
  if (format !== 'qcow2') return
  const command = ['qemu-img', 'check', '-q', '-f', 'qcow2', path]
  const { status, stdout, stderr } = await run(tied(bounded(command, lookBounds)), signal === undefined ? {} : { signal })
  if (soundStatuses.has(status)) return
  if (status === outOfTime)
    throw damaged(name, `qemu-img check has not come to its end within ${lookBounds.cpuSeconds} s of a processor`)
  // Ctrl-C reaches all of a terminal's programs, and says nothing of the image.
  if (status > 128) {
    await pause(20)
    signal?.throwIfAborted()
    throw new Failure(`cannot check ${name}: qemu-img was ended by a signal (exit status ${status})`)
  }
  const first = `${stderr}\n${stdout}`.split('\n').find((line) => line.trim() !== '')
  throw damaged(name, first ?? `qemu-img check ends with ${status}`)
}

function damaged(name: string, fault: string): Failure {
  return new Failure(`${name} is damaged, or only a part of what it was: ${fault}`, {
    code: 'DRIVE_DAMAGED',
    hints: ['download or copy it again', `or repair a copy of it: qemu-img check -r all COPY.qcow2`],
  })
}
