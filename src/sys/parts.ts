// Files that are mostly holes.
import fs from 'node:fs'
import { open } from './file.js'
import { named } from './named.js'

/** Some bytes of a file, and where they begin. */
export interface Part {
  readonly at: number
  readonly bytes: Buffer
}

/** Makes a new file of `length` bytes that holds these and zeros, which take no room; fails where the name is taken. */
export function writeParts(file: string, length: number, parts: readonly Part[]): void {
  const fd = open(file, 'new')
  try {
    named(file, () => {
      for (const { at, bytes } of parts) {
        // A disk that is nearly full takes less than it is given.
        for (let done = 0; done < bytes.length;) done += fs.writeSync(fd, bytes, done, bytes.length - done, at + done)
      }
      fs.ftruncateSync(fd, length)
    })
  } finally {
    fs.closeSync(fd)
  }
}
