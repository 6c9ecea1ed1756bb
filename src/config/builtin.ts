// Classes that nbsvm brings, as the files that they stand for.
import { stat } from '../sys/file.js'

/** Drivers for Windows, where the package virtio-win of Fedora and its like puts them. */
const virtioDisc = '/usr/share/virtio-win/virtio-win.iso'

/**
 * The text of a class that nbsvm brings; undefined where it brings none of that name. It is read below all files of that name, and above
 * `default.class`.
 */
export function builtInClass(vmClass: string): string | undefined {
  if (vmClass !== 'windows') return undefined
  return stat(virtioDisc) === undefined ? windows : `${windows}cdrom=(${virtioDisc})\n`
}

/** What stands for a path where a setting of such a class is told. */
export function builtInName(vmClass: string): string {
  return `built-in ${vmClass}.class`
}

// What Windows 11 asks for, and devices that it has drivers for; virtio is faster where those were installed. The enlightenments
// (hv_) are left out without KVM, which they are of: https://www.qemu.org/docs/master/system/i386/hyperv.html
const windows = `firmware=secure
tpm=yes
rtc=localtime
mem=4G
smp=2
drive_size=64G
drive_if=sata
net_if=e1000e
cpu=max,hv_relaxed,hv_vapic,hv_spinlocks=0x1fff,hv_vpindex,hv_runtime,hv_synic,hv_time,hv_stimer,hv_reset
`
