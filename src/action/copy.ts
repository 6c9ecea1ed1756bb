// What `snapshot` and `clone` share.
import { copyDrive } from '../vm/drive/drives.js'
import { whileDrawn } from './progress.js'
import type { Context } from './verb.js'

/** Makes the VM's next drive as a copy, telling how far it is, and prints the drive's path. */
export async function copy(context: Context, how: 'snapshot' | 'clone'): Promise<void> {
  const { vm, note, out, progress, signal } = context
  const { drive, source } = await whileDrawn(progress, (onProgress) => copyDrive(vm, how, { onNote: note, onProgress, signal }))
  note(`made ${drive.name} as a ${how} of ${source.name}`)
  out(drive.image.path)
}
