// The console's log: QEMU appends to it whatever the guest says, watched or not.
import { readTail, shorten, stat } from '../sys/file.js'

/**
 * Keeps the log bounded. QEMU has no bound of its own, so every nbsvm command that looks at the VM trims what is over
 * twice the limit, and between two commands the log can grow further. QEMU appends (O_APPEND), so it goes on at the new end.
 */
export function trimLog(file: string, maxBytes: number): void {
  if ((stat(file)?.size ?? 0) > 2 * maxBytes) shorten(file, maxBytes)
}

/** The last `maxBytes` of the log, from a whole line on. */
export function readLog(file: string, maxBytes: number): string {
  return readTail(file, maxBytes) ?? ''
}
