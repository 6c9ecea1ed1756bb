// Filling a new volume with what is in another image.
import type { Image } from '../../core/drive.js'
import { Failure } from '../../core/errors.js'
import { deviceBytes } from '../../sys/block.js'
import { runOrFail } from '../../sys/process.js'
import type { CopyOptions } from '../store.js'
import type { Group } from './group.js'

/** What is copied where. */
export interface Copy {
  readonly doing: string
  readonly from: Image
  readonly sizeBytes: number
  readonly to: string
  /** What was never written to the target reads as zeros, so zeros need not be written. */
  readonly toZeros: boolean
}

/** The size that an image's reader sees, in bytes. */
export async function imageBytes(group: Group, image: Image): Promise<number> {
  const known = image.kind === 'block' && image.format === 'raw' ? deviceBytes(image.path) : undefined
  if (known !== undefined) return known
  const command = ['qemu-img', 'info', '--output', 'json', ...sourceWords(image)]
  const info = JSON.parse(await runOrFail(`read ${image.path}`, command, { run: runnerFor(group, image) })) as {
    'virtual-size': number
  }
  return info['virtual-size']
}

/** Copies the image. Throws, with the target half written, when it fails or is aborted. */
export async function copyImage(group: Group, copy: Copy, options: CopyOptions): Promise<void> {
  if (options.dd !== undefined) await copyWithDd(group, copy, options, options.dd)
  else await copyWithQemu(group, copy, options)
  if (!copy.toZeros) await clearTail(group, copy)
}

/** Several reads and writes at once, past the page cache where it can be: faster than dd, and no gigabytes left to flush. */
async function copyWithQemu(group: Group, copy: Copy, { onProgress, signal }: CopyOptions): Promise<void> {
  const { doing, from, to, sizeBytes, toZeros } = copy
  const speed = ['-p', '-n', '-W', '-m', '8', '-T', from.kind === 'block' ? 'none' : 'writeback', '-t', 'none']
  const zeros = toZeros ? ['--target-is-zero'] : []
  const command = ['qemu-img', 'convert', ...speed, ...zeros, '-O', 'raw', ...sourceWords(from), to]
  const onOutput = (text: string): void => {
    const percent = [...text.matchAll(/\(([\d.]+)\/100%\)/g)].at(-1)?.[1]
    if (percent !== undefined) onProgress?.(Math.round((sizeBytes * Number(percent)) / 100), sizeBytes)
  }
  await runOrFail(doing, command, { run: group.asRoot, onOutput, ...abortedBy(signal) })
}

/** The user's own dd, with his block size and arguments. It copies bytes, so the source has to be raw. */
async function copyWithDd(group: Group, copy: Copy, options: CopyOptions, dd: NonNullable<CopyOptions['dd']>): Promise<void> {
  const { doing, from, to, sizeBytes } = copy
  if (from.format !== 'raw') {
    throw new Failure(`cannot ${doing} with dd: ${from.path} is a ${from.format} image, and dd copies bytes as they are`, {
      hints: ['leave out bs and ddargs'],
    })
  }
  const words = [`bs=${dd.bs ?? '1M'}`, 'conv=fsync', 'status=progress', ...dd.args]
  const onErrorOutput = (text: string): void => {
    const doneBytes = [...text.matchAll(/^(\d+) bytes/gm)].at(-1)?.[1] ?? [...text.matchAll(/\r(\d+) bytes/g)].at(-1)?.[1]
    if (doneBytes !== undefined) options.onProgress?.(Number(doneBytes), sizeBytes)
  }
  const command = ['dd', `if=${from.path}`, `of=${to}`, ...words]
  await runOrFail(doing, command, { run: group.asRoot, onErrorOutput, ...abortedBy(options.signal) })
}

/** A volume has whole extents: what is behind the image's end may hold old data, of another guest. */
async function clearTail(group: Group, { doing, sizeBytes, to }: Copy): Promise<void> {
  const start = Math.ceil(sizeBytes / 512) * 512
  const rest = (deviceBytes(to) ?? start) - start
  if (rest <= 0) return
  const command = ['blkdiscard', '--zeroout', '--offset', `${start}`, '--length', `${rest}`, to]
  await runOrFail(doing, command, { run: group.asRoot })
}

/** A volume is written as root; so is what fills one. Nothing else is. */
function runnerFor(group: Group, image: Image): Group['run'] {
  return image.kind === 'block' ? group.asRoot : group.run
}

function abortedBy(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

/** How qemu-img is told what to read, format by format down the chain, so that it believes no file about itself. */
function sourceWords(image: Image): string[] {
  if (image.format === 'raw') return ['-f', 'raw', image.path]
  return [`json:${JSON.stringify(blockNode(image))}`]
}

function blockNode(image: Image): object {
  const file = { driver: image.kind === 'block' ? 'host_device' : 'file', filename: image.path }
  if (image.format === 'raw') return { driver: 'raw', file }
  const backing = image.format === 'qcow2' ? { backing: image.backing === undefined ? null : blockNode(image.backing) } : {}
  return { driver: image.format, file, ...backing }
}
