// Dirty bitmaps in the file of a drive that nobody has open.
import { asObject, list, object, text } from '../../core/check.js'
import { jsonName } from '../../model/blocknode.js'
import type { Image } from '../../model/drive.js'
import { readHeader } from '../../store/common/qcow2.js'
import { run, runOrFail } from '../../sys/process.js'
import { granularity, type Bitmap } from './bitmaps.js'

/** Whether a bitmap can be kept in an image's own file. */
export function keepsBitmaps(image: Image): boolean {
  return image.kind === 'file' && image.format === 'qcow2' && readHeader(image.path).version >= 3
}

const bitmapsShape = list(object({ name: text, flags: list(text) }))

/** The file alone: what it stands on has nothing to do with it. */
const alone = (image: Image): string => {
  const { backing: _, ...own } = image
  return jsonName(own as Image)
}

export async function bitmapsOf(image: Image): Promise<readonly Bitmap[]> {
  if (!keepsBitmaps(image)) return []
  const said = await runOrFail(`look at ${image.path}`, ['qemu-img', 'info', '--output=json', alone(image)])
  const specific = asObject(asObject(JSON.parse(said))?.['format-specific'])
  const found = asObject(specific?.['data'])?.['bitmaps']
  if (found === undefined) return []
  return bitmapsShape(found, 'bitmaps').map(({ name, flags }) => ({
    name,
    // It is in use as long as QEMU has the file open, and for good where QEMU was killed.
    isRight: flags.includes('auto') && !flags.includes('in-use'),
  }))
}

/** Begins one. */
export async function addBitmap(image: Image, name: string): Promise<void> {
  const how = ['--add', '--enable', '-g', String(granularity)]
  await runOrFail(`note in ${image.path} what is written from now on`, ['qemu-img', 'bitmap', ...how, alone(image), name])
}

/** Removes some. One that cannot be removed is only of no use. */
export async function removeBitmaps(image: Image, names: readonly string[]): Promise<void> {
  for (const name of names) await run(['qemu-img', 'bitmap', '--remove', alone(image), name])
}
