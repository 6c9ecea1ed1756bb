// The console's log: what the guest has said on its serial port, watched or not, written and bounded by the log keeper
// (qemu/keeper.ts) in two files.
import { lstat, readTail } from '../sys/file.js'

/** The files of a log; `older` is what was moved away when it was full. */
export interface Log {
  readonly file: string
  readonly older: string
}

/** The last `maxBytes` of the log at most, in order; of a log that is longer, from the beginning of a line on. */
export function readLog({ file, older }: Log, maxBytes: number): string {
  for (let tries = 0; ; tries++) {
    const before = lstat(older)?.ino
    const last = readTail(file, maxBytes) ?? ''
    const first = Buffer.byteLength(last) < maxBytes ? (readTail(older, maxBytes - Buffer.byteLength(last)) ?? '') : ''
    // Else the keeper has just moved one to the other's place.
    if (lstat(older)?.ino === before || tries === 3) return first + last
  }
}
