import { formatSize } from '../core/size.js'
import { newDrive } from '../vm/drive/drives.js'
import type { Verb } from './verb.js'

export const newimg: Verb = {
  help: `Makes the VM's next drive, empty, drive_size large (20G): drive 0 first, a second call makes 1, and so on. It takes room on the
host only as the guest writes. The drive's path is printed. A running VM sees it at its next start.

  nbsvm foo newimg
  nbsvm foo drive_size=100G newimg`,

  async run({ vm, out, note }) {
    const drive = await newDrive(vm, note)
    note(`made ${drive.name}, empty, ${formatSize(vm.settings.drive_size)}`)
    out(drive.image.path)
  },
}
