// Shortening a file that another program is appending to.
import fs from 'node:fs'
import { stat } from './file.js'
import { tryLock } from './lock.js'
import { runSync } from './process.js'

/** File systems free whole blocks only; this is a multiple of the block size of nearly all. */
const blockBytes = 64 * 1024

/** Bytes that a file takes on the disk: less than its size where it begins with a hole. */
export function takenBytes(file: string): number {
  const stats = stat(file)
  return stats === undefined ? 0 : Math.min(stats.size, stats.blocks * 512)
}

/**
 * Frees the disk of all but the last `keepBytes` (and some) of a file, in place, while another program appends to it
 * (O_APPEND). ext4 and XFS remove the head (the file gets shorter), others make a hole of it (its size stays, reading
 * it gives NULs); both lose nothing of what is appended meanwhile. Only where neither works, on NFS or without
 * fallocate(1), the tail is rewritten, and what is appended in that moment may be lost. Does nothing while another
 * process trims the same file.
 */
export function trimHead(file: string, keepBytes: number): void {
  const lock = tryLock(file)
  if (lock === undefined) return
  try {
    const size = fs.fstatSync(lock.fd).size
    const cut = Math.floor((size - keepBytes) / blockBytes) * blockBytes
    if (cut > 0 && !fallocate('--collapse-range', cut, lock.fd) && !fallocate('--punch-hole', cut, lock.fd)) {
      rewrite(lock.fd, size - cut, cut)
    }
  } finally {
    lock.release()
  }
}

function fallocate(how: '--collapse-range' | '--punch-hole', length: number, fd: number): boolean {
  try {
    return runSync(['fallocate', how, '--offset', '0', '--length', String(length), '/proc/self/fd/3'], [fd]) === 0
  } catch {
    return false // it is not installed
  }
}

function rewrite(fd: number, length: number, offset: number): void {
  const tail = Buffer.alloc(length)
  const got = fs.readSync(fd, tail, 0, length, offset)
  fs.ftruncateSync(fd, 0)
  fs.writeSync(fd, tail, 0, got, 0)
}
