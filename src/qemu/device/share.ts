import type { Machine, Option } from '../../model/machine.js'
import type { Share } from '../../model/share.js'
import { json } from './words.js'

/** The folders of the host that the guest can mount by their tags. */
export function shareOptions({ shares }: Pick<Machine, 'shares'>): Option[] {
  return shares.flatMap((share, index) => (share.by === 'virtiofs' ? virtiofs(share, index) : plan9(share, index)))
}

/** Where QEMU finds the virtiofsd of a share, relative to its working directory. */
export function shareSocket(index: number): string {
  return `share${index}.sock`
}

function virtiofs({ tag }: Share, index: number): Option[] {
  const id = `share${index}`
  return [
    ['-chardev', `socket,id=${id},path=${shareSocket(index)}`],
    json('-device', { driver: 'vhost-user-fs-pci', id: `fs${index}`, chardev: id, tag, 'queue-size': 1024 }),
  ]
}

/** Files with the modes and links that they have, and the owner that QEMU has; what is mounted in the folder is seen too. */
function plan9({ tag, hostPath, readOnly }: Share, index: number): Option[] {
  const id = `share${index}`
  const path = hostPath.replaceAll(',', ',,')
  const only = readOnly ? ',readonly=on' : ''
  return [
    ['-fsdev', `local,id=${id},path=${path},security_model=none,multidevs=remap${only}`],
    json('-device', { driver: 'virtio-9p-pci', id: `fs${index}`, fsdev: id, mount_tag: tag }),
  ]
}
