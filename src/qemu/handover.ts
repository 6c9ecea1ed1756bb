import type { Drive, Image } from '../model/drive.js'
import type { Handed } from '../model/machine.js'

/** The lock is descriptor 3; these come behind it. */
const firstFd = 4

/**
 * Lets QEMU have its images as open descriptors. Returns the drives as QEMU then finds them, `/dev/fdset/1`, and what is to
 * be opened, in the order of the descriptors. A writable image is handed over twice, as QEMU may want to read only.
 */
export function handOver(drives: readonly Drive[]): { drives: Drive[]; handed: Handed[] } {
  const handed: Handed[] = []
  const give = (image: Image, writable: boolean): Image => {
    const set = 1 + (handed.at(-1)?.set ?? 0)
    for (const mode of writable ? [true, false] : [false]) {
      handed.push({ fd: firstFd + handed.length, set, path: image.path, writable: mode })
    }
    const own = { ...image, path: `/dev/fdset/${set}` }
    return image.backing === undefined ? own : { ...own, backing: give(image.backing, false) }
  }
  return { drives: drives.map((drive) => ({ ...drive, image: give(drive.image, true) })), handed }
}
