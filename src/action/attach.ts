import { attachTo } from '../vm/reach/attach.js'
import type { Verb } from './verb.js'

export const attach: Verb = {
  help: `Attaches to the VM while it runs, until it ends or detach takes it away:

  nbsvm foo newimg attach 1           its own drive of that number, which it has as any other from its next start on
  nbsvm foo attach data.qcow2         a disk image (qcow2, raw, vmdk, vdi, vhdx, vhd), written to in place; --read-only keeps it
  nbsvm foo attach /dev/sdb           a block device of this machine, which is not mounted here
  nbsvm foo attach tools.iso          a disc: into its empty disc drive (setting cdrom), else in a drive of its own
  nbsvm foo attach usb:046d:c52b      a USB device by vendor and product, or usb:1-4 by bus and device, as lsusb shows them

Disks and discs come on a virtio-scsi controller: a Linux guest calls them sda, sr0, ... and finds a disk that was attached as hot0
as /dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_hot0. A USB device must be open to the user that QEMU runs as.`,

  async run({ vm, words: [what = ''], flags, note, signal }) {
    const { name, kind, what: file } = await attachTo(vm, what, { readOnly: flags['read-only'] === true }, { note, signal })
    note(`${kind} ${name}: ${file}`)
  },
}
