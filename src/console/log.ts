// The console's log: QEMU appends to it whatever the guest says, watched or not.
//
// What is promised: each nbsvm command that calls `trimLog` leaves at most twice `maxBytes` on the disk, the newest, and
// loses no byte of them. Between two commands nothing bounds the log: QEMU 7.2 to 10 have no bound for `logfile`, a ring
// buffer (`-chardev ringbuf`) cannot stand beside the socket (from QEMU 10 it can, in RAM, by `-chardev hub`), and a limit on
// file sizes (RLIMIT_FSIZE) would hit the drives as well. A guest that floods its serial port writes about 1 MB a second
// under TCG, so one that does it for a day with no nbsvm command takes tens of GB.
import { readTail } from '../sys/file.js'
import { takenBytes, trimHead } from '../sys/trim.js'

/**
 * Keeps the log bounded: brings what is over twice `maxBytes` down to about `maxBytes`. Costs one stat where there is
 * nothing to do, so every command that touches the VM can call it.
 */
export function trimLog(file: string, maxBytes: number): void {
  if (takenBytes(file) > 2 * maxBytes) trimHead(file, maxBytes)
}

/** The last `maxBytes` of the log, from a whole line on; empty when there is none. */
export function readLog(file: string, maxBytes: number): string {
  // A hole, where the head was cut off, reads as NULs.
  return (readTail(file, maxBytes) ?? '').replace(/^\0+/, '')
}
