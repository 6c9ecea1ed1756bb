// Dirty bitmaps in a qcow2 file that nobody has open: they note what was written since a backup.
import { asObject, list, object, text } from '../../core/check.js'
import { run, runOrFail } from '../../sys/process.js'

const shape = list(object({ name: text, flags: list(text) }))

/** The file alone: what it stands on has nothing to do with it. */
export function aloneName(path: string): string {
  return `json:${JSON.stringify({ driver: 'qcow2', file: { driver: 'file', filename: path }, backing: null })}`
}

export interface FileBitmap {
  readonly name: string
  /** Whether it has noted all that was written: QEMU marks it as in use as long as it has the file open, and for good where it was killed. */
  readonly isRight: boolean
}

export async function bitmapsIn(path: string): Promise<FileBitmap[]> {
  const said = await runOrFail(`look at ${path}`, ['qemu-img', 'info', '--output=json', aloneName(path)])
  const specific = asObject(asObject(JSON.parse(said))?.['format-specific'])
  const found = asObject(specific?.['data'])?.['bitmaps'] ?? []
  return shape(found, 'bitmaps').map(({ name, flags }) => ({
    name,
    isRight: flags.includes('auto') && !flags.includes('in-use'),
  }))
}

/** Removes some, or all. One that cannot be removed is only of no use. */
export async function removeBitmaps(path: string, names?: readonly string[]): Promise<void> {
  const own = names ?? (await bitmapsIn(path)).map(({ name }) => name)
  for (const name of own) await run(['qemu-img', 'bitmap', '--remove', aloneName(path), name])
}
