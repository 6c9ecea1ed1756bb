// What a VMDK image says of other files. Layout: "Virtual Disk Format 5.0" by VMware, and QEMU's block/vmdk.c, which
// opens what is named here without asking.

/** How much of the beginning of the file must be looked at. */
export const vmdkHeadBytes = 64 * 1024

/**
 * The other files that a VMDK refers to: extents (the files that hold the data, or host devices) and its parent. Empty
 * for an image that holds everything itself. `head` is the file's first `vmdkHeadBytes`.
 */
export function vmdkReferences(head: Buffer): string[] {
  const text = head.toString('latin1')
  const isDescriptor = /^\s*# *Disk DescriptorFile/i.test(text)
  // A sparse extent without capacity has nothing but a descriptor in it.
  const hasOnlyDescriptor = text.startsWith('KDMV') && head.length >= 20 && head.readBigUInt64LE(12) === 0n
  const parents = [...text.matchAll(/parentFileNameHint\s*=\s*"?(?<name>[^"\r\n\0]*)/gi)]
  const extents = isDescriptor || hasOnlyDescriptor ? [...text.matchAll(extentLine)] : []
  const named = [...extents, ...parents].map((match) => match.groups?.['name'] ?? '')
  return isDescriptor && named.length === 0 ? ['(no extent that could be read)'] : named
}

/** `RW 4192256 FLAT "disk-flat.vmdk" 0` */
const extentLine = /^[ \t]*(?:RW|RDONLY|NOACCESS)[ \t]+\d+[ \t]+\S+[ \t]+"(?<name>[^"\r\n]*)"/gim
