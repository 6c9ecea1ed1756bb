import { readFileSync } from 'node:fs'

/**
 * How unshare(1) keeps mounts from reaching the host: as usual, but not in a chroot, whose root is no mount that could be
 * made private; whoever made the chroot has seen to it there.
 */
export function propagation(): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  const rootIsMounted = mounts.some((line) => line.split(' ')[4] === '/')
  return ['--propagation', rootIsMounted ? 'private' : 'unchanged']
}
