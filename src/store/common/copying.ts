// Long copies into a temporary: they show how far they are, end when told to, and die with nbsvm.
import { jsonName } from '../../model/blocknode.js'
import type { Image } from '../../model/drive.js'
import { Failure, UsageError } from '../../core/errors.js'
import { bounded } from '../../sys/bounds.js'
import { syncLargeFile } from '../../sys/blocks.js'
import { stat } from '../../sys/file.js'
import { runOrFail, tied, type RunOptions } from '../../sys/process.js'
import type { CopyOptions } from '../store.js'

export type Copying = Pick<CopyOptions, 'onProgress' | 'signal'>

const lookEveryMs = 50

/** Copies a file byte for byte; what is zero takes no room. `virtualBytes` is what progress is told in. */
export async function copySparse(from: string, to: string, virtualBytes: number, options: Copying): Promise<void> {
  await watched(from, to, virtualBytes, options, ['cp', '--sparse=always', '--', from, to])
}

/** Copies with dd, byte for byte, with the user's own arguments. */
export async function copyWithDd(
  from: string,
  to: string,
  virtualBytes: number,
  options: Copying & { readonly dd: NonNullable<CopyOptions['dd']> },
): Promise<void> {
  const { bs = '1M', args } = options.dd
  await watched(from, to, virtualBytes, options, ['dd', `if=${from}`, `of=${to}`, `bs=${bs}`, ...args])
}

/** Refuses dd arguments that would read or write another file than the drives meant. */
export function checkDdArguments({ args }: NonNullable<CopyOptions['dd']>): void {
  const wrong = args.find((word) => /^(if|of)=/.test(word) || !/^[a-z]+=./.test(word))
  if (wrong !== undefined) {
    throw new UsageError(`ddargs: ${JSON.stringify(wrong)} is not allowed: dd's input and output are the drives`, {
      hints: ['write arguments like conv=noerror, iflag=direct or status=none'],
    })
  }
}

/** Copies what the guest sees of an image, the whole chain, into a qcow2 file that stands alone; zeros are left out. */
export function convert(from: Image, to: string, virtualBytes: number, options: Converting): Promise<void> {
  return convertTo(`copy ${from.path}`, from, ['-O', 'qcow2', to], virtualBytes, options)
}

/** More takes no program that copies an image of any size. */
const copyBounds = { memoryBytes: 4 * 2 ** 30, cpuSeconds: 24 * 3600 }

type Converting = Copying & { readonly trust?: boolean }

/** Copies it to what the arguments of qemu-img say. */
export async function convertTo(
  doing: string,
  from: Image,
  target: readonly string[],
  virtualBytes: number,
  options: Converting,
): Promise<void> {
  // An image that is trusted to name others finds them itself; else the chain is spelled out and nothing in it is believed.
  const source = options.trust ? ['-f', from.format, from.path] : [jsonName(from)]
  const command = ['qemu-img', 'convert', '-p', '-W', '-m', '8', ...source, ...target]
  // What Ceph's client takes is no image's doing.
  const held = from.kind === 'file' ? bounded(command, copyBounds) : command
  await attended(doing, tied(held), options, (text) => {
    const percent = /(?<percent>[0-9.]+)\/100%\)\s*$/.exec(text)?.groups?.['percent']
    if (percent !== undefined) options.onProgress?.(Math.round((Number(percent) / 100) * virtualBytes), virtualBytes)
  })
}

/** Runs a copy whose progress is seen by how far its output reaches. */
async function watched(
  from: string,
  to: string,
  virtualBytes: number,
  options: Copying,
  command: readonly string[],
): Promise<void> {
  const stats = stat(from)
  if (stats === undefined) throw new Failure(`${from} is gone`, { code: 'SOURCE_MISSING' })
  const size = stats.isFile() ? stats.size : virtualBytes
  let syncing: Promise<void> | undefined
  const timer = setInterval(() => {
    const done = Math.min(1, (stat(to)?.size ?? 0) / Math.max(1, size))
    options.onProgress?.(Math.round(done * virtualBytes), virtualBytes)
    // It must be on the disk in the end, and the kernel would begin to write when RAM gets scarce. What cannot be synced now is
    // told by the sync that counts, when all is copied.
    syncing ??= syncLargeFile(to)
      .catch(() => {})
      .finally(() => (syncing = undefined))
  }, lookEveryMs)
  try {
    await attended(`copy ${from}`, tied(command), options)
  } finally {
    clearInterval(timer)
    await syncing
  }
  options.onProgress?.(virtualBytes, virtualBytes)
}

/** Runs the copy; where it was aborted, that is the error, and not how the program took it. */
async function attended(
  what: string,
  command: readonly string[],
  { signal }: Copying,
  onOutput?: (text: string) => void,
): Promise<void> {
  const options: RunOptions = { ...(signal === undefined ? {} : { signal }), ...(onOutput === undefined ? {} : { onOutput }) }
  signal?.throwIfAborted()
  try {
    await runOrFail(what, command, options)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
