import { formatSize } from '../core/size.js'
import { newDrive } from '../vm/drive/drives.js'
import { whileDrawn } from './progress.js'
import type { Verb } from './verb.js'

export const newimg: Verb = {
  help: `Makes the VM's next drive, drive_size large (20G): drive 0 first, a second call makes 1, and so on. Where image is set the first one
holds that image, which is fetched where it is not here yet; every other drive is empty. It takes room on the host only as the
guest writes. The drive's path is printed. A running VM sees it at its next start.

  nbsvm foo newimg
  nbsvm foo drive_size=100G newimg
  nbsvm web image=debian newimg          see them all: nbsvm images
  nbsvm web image=/srv/my.qcow2 newimg`,

  async run({ vm, out, note, progress, signal }) {
    const { drive, image } = await whileDrawn(progress, (onProgress) => newDrive(vm, { note, signal, onProgress }))
    const { image: wanted, drive_size: sizeBytes } = vm.settings
    const why = wanted === undefined ? '' : `; image=${wanted.text} is for its first drive alone`
    note(`made ${drive.name}, ${image === undefined ? `empty, ${formatSize(sizeBytes)}${why}` : `from ${image.name}`}`)
    out(drive.image.path)
  },
}
