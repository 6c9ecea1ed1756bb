// Whether folders can be served by virtiofsd here, for whoever runs the tests.
import { spawnSync } from 'node:child_process'
import { findVirtiofsd } from '../../src/guest/virtiofsd.js'

/** Why not; false where they can. virtiofsd locks itself into a user namespace, which the kernel does not allow inside a chroot. */
export const whyNoVirtiofsd: string | false =
  (await findVirtiofsd()) === undefined
    ? 'no virtiofsd is installed, or that of QEMU up to 7.2 without newgidmap and a line in /etc/subgid'
    : spawnSync('unshare', ['--user', 'true']).status === 0
      ? false
      : 'no user namespaces here (a chroot?)'
