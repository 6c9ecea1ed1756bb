// Filling a new volume with what is in another image.
import type { Image } from '../../model/drive.js'
import { UsageError } from '../../core/errors.js'
import { deviceBytes } from '../../sys/block.js'
import { runOrFail, tied } from '../../sys/process.js'
import { checkDdArguments } from '../dir/copy.js'
import type { CopyOptions, Source } from '../store.js'
import type { Group } from './group.js'

/** What is read. An image that is trusted to refer to other files finds them itself. */
export type CopySource = Pick<Source, 'image' | 'refersTo'>

/** What is copied where. */
export interface Copy {
  readonly doing: string
  readonly from: CopySource
  readonly sizeBytes: number
  readonly to: string
  /** What was never written to the target reads as zeros, so zeros need not be written. */
  readonly toZeros: boolean
}

/** The size that a source's reader sees, in bytes. */
export async function sourceBytes(group: Group, source: CopySource): Promise<number> {
  const { image } = source
  const known = image.kind === 'block' ? deviceBytes(image.path) : undefined
  if (known !== undefined) return known
  const command = ['qemu-img', 'info', '--output', 'json', ...sourceWords(source)]
  const info = JSON.parse(await runOrFail(`read ${image.path}`, command, { run: group.run })) as { 'virtual-size': number }
  return info['virtual-size']
}

/** Refuses what dd cannot copy, before anything is made: it knows bytes, not images. */
export function checkDd({ image }: CopySource, dd: NonNullable<CopyOptions['dd']>): void {
  checkDdArguments(dd)
  if (image.format === 'raw') return
  throw new UsageError(`dd cannot clone ${image.path}, which is a ${image.format} image`, { hints: ['leave out bs and ddargs'] })
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
  const speed = ['-p', '-n', '-W', '-m', '8', '-T', from.image.kind === 'block' ? 'none' : 'writeback', '-t', 'none']
  const zeros = toZeros ? ['--target-is-zero'] : []
  const command = ['qemu-img', 'convert', ...speed, ...zeros, '-O', 'raw', ...sourceWords(from), to]
  const onOutput = (text: string): void => {
    const percent = [...text.matchAll(/\(([\d.]+)\/100%\)/g)].at(-1)?.[1]
    if (percent !== undefined) onProgress?.(Math.round((sizeBytes * Number(percent)) / 100), sizeBytes)
  }
  await runOrFail(doing, mortal(group, command), { run: group.asRoot, onOutput, ...abortedBy(signal) })
}

/** The user's own dd, with his block size and arguments. It copies bytes, so the source has to be raw. */
async function copyWithDd(group: Group, copy: Copy, options: CopyOptions, dd: NonNullable<CopyOptions['dd']>): Promise<void> {
  const { doing, from, to, sizeBytes } = copy
  const words = [`bs=${dd.bs ?? '1M'}`, 'conv=fsync', 'status=progress', ...dd.args]
  const onErrorOutput = (text: string): void => {
    const doneBytes = [...text.matchAll(/^(\d+) bytes/gm)].at(-1)?.[1] ?? [...text.matchAll(/\r(\d+) bytes/g)].at(-1)?.[1]
    if (doneBytes !== undefined) options.onProgress?.(Number(doneBytes), sizeBytes)
  }
  const command = ['dd', `if=${from.image.path}`, `of=${to}`, ...words]
  await runOrFail(doing, mortal(group, command), { run: group.asRoot, onErrorOutput, ...abortedBy(options.signal) })
}

/** A volume has whole extents: what is behind the image's end may hold old data, of another guest. */
async function clearTail(group: Group, { doing, sizeBytes, to }: Copy): Promise<void> {
  const start = Math.ceil(sizeBytes / 512) * 512
  const rest = (deviceBytes(to) ?? start) - start
  if (rest <= 0) return
  const command = ['blkdiscard', '--zeroout', '--offset', `${start}`, '--length', `${rest}`, to]
  await runOrFail(doing, command, { run: group.asRoot })
}

/** Makes the copy end with nbsvm. sudo stands between them where it is needed, and would have to allow one program more. */
function mortal({ isRoot }: Group, command: readonly string[]): readonly string[] {
  return isRoot ? tied(command) : command
}

function abortedBy(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

/** How qemu-img is told what to read, format by format, so that it believes no file about itself. */
function sourceWords({ image, refersTo }: CopySource): string[] {
  if (image.format === 'raw' || refersTo !== undefined) return ['-f', image.format, image.path]
  return [`json:${JSON.stringify(blockNode(image))}`]
}

function blockNode({ format, path, kind, backing }: Image): object {
  const node = { driver: format, file: { driver: kind === 'block' ? 'host_device' : 'file', filename: path } }
  return format === 'qcow2' ? { ...node, backing: backing === undefined ? null : blockNode(backing) } : node
}
