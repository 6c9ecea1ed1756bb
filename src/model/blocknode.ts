// An image as QEMU's block layer opens it: of these nodes are made -blockdev, the json: names of qemu-img, and the layers that
// a running VM is given. https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html (BlockdevOptions)
import type { Image } from './drive.js'

/** What a node says of itself besides what it is: `node-name`, `discard`, `read-only`. */
export type NodeProperties = Readonly<Record<string, string | boolean>>

/** The node of the bytes themselves. */
export function byteNode(image: Image, properties: NodeProperties = {}): object {
  switch (image.kind) {
    case 'file':
      return { driver: 'file', ...properties, filename: image.path }
    case 'block':
      return { driver: 'host_device', ...properties, filename: image.path }
    case 'rbd': {
      const { pool, name, conf, user } = image
      return { driver: 'rbd', ...properties, pool, image: name, conf, user }
    }
    case 'none':
      return { driver: 'null-co', ...properties, size: image.sizeBytes, 'read-zeroes': true }
  }
}

/** Ceph's configuration in the folder that a QEMU runs in, with no key but that of its drives. */
export const ownConf = 'ceph.conf'

/** The image as a VM's QEMU reaches it, which may read nothing of Ceph's but its own configuration. */
export function inOwnFolder(image: Image): Image {
  return image.kind === 'rbd' ? { ...image, conf: ownConf } : image
}

/**
 * The node of an image over the node of its bytes (or the name of that), with the whole chain under it spelled out: no format
 * is ever guessed, and what an image says of its backing file is not believed.
 */
export function blockNode(image: Image, properties: NodeProperties = {}, bytes: object | string = byteNode(image)): object {
  const node = { driver: image.format, ...properties, file: bytes }
  if (!namesBacking.has(image.format)) return node
  return { ...node, backing: image.backing === undefined ? null : blockNode(image.backing, { 'read-only': true }) }
}

/** The formats whose files can name another that they stand on. */
const namesBacking: ReadonlySet<string> = new Set(['qcow2', 'vmdk'])

/** The image as a file name for qemu-img. */
export function jsonName(image: Image): string {
  return `json:${JSON.stringify(blockNode(image))}`
}
