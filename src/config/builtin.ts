// Classes that nbsvm brings, as the files that they stand for. A file of the same name goes over them.

/** By the class's name; read below all its files, and above `default.class`. */
export const builtInClasses: Readonly<Partial<Record<string, string>>> = {
  // What Windows 11 asks for, and devices that it has drivers for; virtio is faster where those were installed. Enlightenments
  // (hv_): https://www.qemu.org/docs/master/system/i386/hyperv.html; left out without KVM, which they are of.
  windows: `firmware=secure
tpm=yes
rtc=localtime
mem=4G
smp=2
drive_size=64G
drive_if=sata
net_if=e1000e
cpu=max,hv_relaxed,hv_vapic,hv_spinlocks=0x1fff,hv_vpindex,hv_runtime,hv_synic,hv_time,hv_stimer,hv_reset
`,
}

/** What stands for a path where a setting of such a class is told. */
export function builtInName(vmClass: string): string {
  return `built-in ${vmClass}.class`
}
