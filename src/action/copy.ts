// What `snapshot` and `clone` share.
import { formatSize } from '../core/size.js'
import type { OnProgress } from '../store/store.js'
import { copyDrive } from '../vm/drive/drives.js'
import type { Context } from './verb.js'

/** Makes the VM's next drive as a copy, telling how far it is, and prints the drive's path. */
export async function copy(context: Context, how: 'snapshot' | 'clone'): Promise<void> {
  const { vm, note, out, progress, signal } = context
  const { bs, ddargs } = vm.settings
  const dd = bs === undefined && ddargs === undefined ? {} : { dd: { args: ddargs ?? [], ...(bs === undefined ? {} : { bs }) } }
  try {
    const { drive, source } = await copyDrive(vm, how, { onNote: note, onProgress: drawn(progress), signal, ...dd })
    progress(undefined)
    note(`made ${drive.name} as a ${how} of ${source.name}`)
    out(drive.image.path)
  } finally {
    progress(undefined)
  }
}

function drawn(progress: Context['progress']): OnProgress {
  return (doneBytes, totalBytes) => {
    const percent = totalBytes === 0 ? 100 : Math.floor((doneBytes / totalBytes) * 100)
    progress(`${String(percent).padStart(3)} %  ${formatSize(doneBytes)} of ${formatSize(totalBytes)}`)
  }
}
