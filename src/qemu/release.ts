/** Major and minor of a version of QEMU, as a number that grows with it: 7002 for 7.2.22. */
export function release(version: string): number {
  const [major = '0', minor = '0'] = version.split('.')
  return Number(major) * 1000 + Number(minor)
}
