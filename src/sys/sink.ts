// A file that is written piece by piece.
import fs from 'node:fs'

export interface Sink {
  /** Writes all of it. Throws the system's error: ENOSPC above all. */
  write(bytes: Buffer): void
  /** Throws away what is behind `length` bytes. */
  truncate(length: number): void
  close(): void
}

/** Opens a file, which is made, to go on at its end; no link is followed. */
export function openSink(file: string): Sink {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = fs.constants
  const fd = fs.openSync(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600)
  return {
    write: (bytes) => {
      for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at)
    },
    truncate: (length) => fs.ftruncateSync(fd, length),
    close: () => fs.closeSync(fd),
  }
}
