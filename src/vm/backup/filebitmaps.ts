// Dirty bitmaps in the file of a drive of a VM that is off.
import type { Image } from '../../model/drive.js'
import { aloneName, bitmapsIn } from '../../store/common/dirtybitmaps.js'
import { readHeader } from '../../store/common/qcow2.js'
import { runOrFail } from '../../sys/process.js'
import { granularity, type Bitmap } from './bitmaps.js'

/** Whether a bitmap can be kept in an image's own file. */
export function keepsBitmaps(image: Image): boolean {
  return image.kind === 'file' && image.format === 'qcow2' && readHeader(image.path).version >= 3
}

export async function bitmapsOf(image: Image): Promise<readonly Bitmap[]> {
  return keepsBitmaps(image) ? bitmapsIn(image.path) : []
}

/** Begins one. */
export async function addBitmap({ path }: Image, name: string): Promise<void> {
  const how = ['--add', '--enable', '-g', String(granularity)]
  await runOrFail(`note in ${path} what is written from now on`, ['qemu-img', 'bitmap', ...how, aloneName(path), name])
}
