// Archives are packed by zstd where that is there.
import { Failure } from '../../core/errors.js'
import { findProgram } from '../../sys/file.js'
import { descriptorSink, filtered, filterSink, type Sink } from '../../sys/filter.js'
import type { Caller } from '../../core/caller.js'

/** All processors, and a level that keeps up with a disk. */
const packing = ['zstd', '-q', '-c', '-T0', '-1']

/** Where an archive goes: into a descriptor, packed unless that is not wanted, or cannot be. */
export function archiveSink(fd: number, isPlain: boolean, note: Caller['note']): Sink {
  if (isPlain) return descriptorSink(fd)
  if (findProgram('zstd') !== undefined) return filterSink(packing, fd)
  note?.('it is not compressed: zstd is not installed')
  return descriptorSink(fd)
}

const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])

export function isPacked(head: Buffer): boolean {
  return head.subarray(0, magic.length).equals(magic)
}

/** What asks for more memory to be unpacked was made to take it. */
const unpacking = ['zstd', '-q', '-d', '-c', '--memory=128MB']

/** What is in a packed stream, or file. Throws a Failure where zstd is not there. */
export function unpacked(
  input: AsyncIterable<Buffer> | { readonly file: string },
  signal: AbortSignal | undefined,
): AsyncIterable<Buffer> {
  if (findProgram('zstd') !== undefined) return filtered(unpacking, input, signal)
  throw new Failure('the archive is packed by zstd, which is not installed', {
    code: 'NOT_INSTALLED',
    hints: ['install it: sudo apt install zstd'],
  })
}
