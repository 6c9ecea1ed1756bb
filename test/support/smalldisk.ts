// A disk that can be filled up: a file system of 3 MB, which only root can mount.
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after } from 'node:test'

export interface SmallDisk {
  readonly folder: string
  /** Why it is none here; false where it is one. */
  readonly skip: string | false
}

/** Gone when the tests of the file, or of the suite that it is made in, have ended. */
export function smallDisk(): SmallDisk {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-full-'))
  const mounted = process.geteuid?.() === 0 && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3M', 'nbsvm', folder]).status === 0
  after(() => {
    if (mounted) execFileSync('umount', ['-l', folder])
    fs.rmdirSync(folder)
  })
  return { folder, skip: mounted ? false : 'only root can mount a file system to fill it up' }
}
