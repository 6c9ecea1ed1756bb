// Images that come packed, unpacked by the system's programs.
import { Failure } from '../core/errors.js'
import { findProgram, readHead } from '../sys/file.js'
import { runOrFail, tied } from '../sys/process.js'

interface Packing {
  readonly magic: string
  readonly program: string
  /** Debian's package. */
  readonly package: string
}

const packings: readonly Packing[] = [
  { magic: '\xfd7zXZ\0', program: 'xz', package: 'xz-utils' },
  { magic: '\x1f\x8b', program: 'gzip', package: 'gzip' },
  { magic: 'BZh', program: 'bzip2', package: 'bzip2' },
  { magic: '\x28\xb5\x2f\xfd', program: 'zstd', package: 'zstd' },
]

/** Larger than any image, in blocks of 512 bytes: what unpacks to more was made to fill the disk. */
const mostBlocks = 2 ** 30

/** Whether a file is packed, by its first bytes: the program that unpacks it, or undefined. */
function packingOf(file: string): Packing | undefined {
  const head = readHead(file, 8)?.toString('latin1') ?? ''
  return packings.find(({ magic }) => head.startsWith(magic))
}

/** Unpacks a file into `to`. Says false, and does nothing, for one that is not packed. Throws a Failure. */
export async function unpack(file: string, to: string, name: string, signal?: AbortSignal): Promise<boolean> {
  const packing = packingOf(file)
  if (packing === undefined) return false
  const { program } = packing
  if (findProgram(program) === undefined) {
    throw new Failure(`${name} is packed by ${program}, which is not installed`, {
      code: 'NOT_INSTALLED',
      hints: [`install it: sudo apt install ${packing.package}`],
    })
  }
  const script = `ulimit -f ${mostBlocks}; exec ${program} -dc <"$1" >"$2"`
  await runOrFail(`unpack ${name}`, tied(['sh', '-c', script, 'sh', file, to]), signal === undefined ? {} : { signal })
  return true
}
