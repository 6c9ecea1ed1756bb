import { formatSize } from '../core/size.js'
import { resizeDriveOf } from '../vm/drive/driveedit.js'
import type { Verb } from './verb.js'

export const resize: Verb = {
  help: `Changes the size of the VM's drive as the guest sees it, to SIZE or by +SIZE. A running guest sees the new size at once. What is in
the drive does not change: grow the partition and the file system inside the guest. Making a drive smaller cuts off its end and
is done only with --shrink, and not while the VM runs.

  nbsvm foo resize 40G
  nbsvm foo resize +10G
  nbsvm foo resize 40G --drive=1`,

  async run({ vm, words, flags, note }) {
    const [size = ''] = words
    const number = typeof flags['drive'] === 'string' ? flags['drive'] : undefined
    const { drive, beforeBytes, sizeBytes } = await resizeDriveOf(vm, { size, number, shrink: flags['shrink'] === true })
    note(`${drive.name}: ${formatSize(beforeBytes)} -> ${formatSize(sizeBytes)}`)
  },
}
