import { UsageError } from '../core/errors.js'
import { formatSize, parseNewSize } from '../core/size.js'
import { findDrive, resizeDrive } from '../vm/drive/drives.js'
import { storeOf } from '../vm/record/stores.js'
import type { Verb } from './verb.js'

export const resize: Verb = {
  help: `Changes the size of the VM's drive as the guest sees it, to SIZE or by +SIZE. A running guest sees the new size at once. What is in
the drive does not change: grow the partition and the file system inside the guest. Making a drive smaller cuts off its end and
is done only with --shrink, and not while the VM runs.

  nbsvm foo resize 40G
  nbsvm foo resize +10G
  nbsvm foo resize 40G --drive=1`,

  async run({ vm, words, flags, note }) {
    const text = words[0] ?? ''
    const number = typeof flags['drive'] === 'string' ? flags['drive'] : undefined
    const store = await storeOf(vm)
    const drive = await findDrive(store, vm, number)
    const { virtualBytes } = await store.size(drive)
    const sizeBytes = parseNewSize(text, virtualBytes)
    const shrink = flags['shrink'] === true
    if (sizeBytes < virtualBytes && !shrink) {
      throw new UsageError(`${drive.name} has ${formatSize(virtualBytes)}: ${text} would cut off its end`, {
        hints: ['if that is what you want: --shrink (what lies beyond is lost)'],
      })
    }
    await resizeDrive(vm, drive, sizeBytes, { shrink })
    note(`${drive.name}: ${formatSize(virtualBytes)} -> ${formatSize(sizeBytes)}`)
  },
}
