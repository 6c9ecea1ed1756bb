// A guest that counts: it writes the next number to the first sector of its disk, has it written out (fsync), and only then says so on its
// console. What it has said must be there whatever happens to its host; what it reads when it boots is said too.
import fs from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { guestKernel } from '../cli.js'

/** Writes the guest's initrd, the small guest's with the counter in it, and returns QEMU's options for it. */
export function counterOptions(folder: string): string[] {
  const initrd = path.join(folder, 'counter-initrd')
  const small = fs.readFileSync(path.resolve('build/guest/initrd'))
  // The kernel unpacks one archive after the other; a later file takes the place of an earlier one.
  fs.writeFileSync(initrd, Buffer.concat([small, gzipSync(archive({ 'etc/inittab': inittab, 'etc/count': count }))]))
  return guestKernel.map((word) => (word.endsWith('/initrd') ? initrd : word))
}

const inittab = `::sysinit:/etc/rc
::once:/etc/count
::ctrlaltdel:/bin/reboot
`

const count = `#!/bin/sh
n=$(head -c 16 /dev/vda | tr -dc 0-9)
echo "RESUME \${n:-0}" >/dev/ttyS0
while :; do
  n=$((n + 1))
  printf '%-512s' $n | dd of=/dev/vda bs=512 count=1 conv=notrunc,fsync 2>/dev/null && echo "ACK $n" >/dev/ttyS0
  sleep 0.2
done
`

export interface Counted {
  /** What it found when it was started. */
  readonly resumed: number | undefined
  /** The last number that it said to be written. */
  readonly acknowledged: number | undefined
}

/** What a counter has said since it was started: what it found, and the last number that it said to be written. */
export function counted(log: string): Counted {
  const numbers = (word: string): number[] =>
    [...log.matchAll(new RegExp(`^${word} (\\d+)\\r?$`, 'gm'))].map(([, text]) => Number(text))
  return { resumed: numbers('RESUME').at(-1), acknowledged: numbers('ACK').at(-1) }
}

/** An archive of cpio's format newc, of programs. https://docs.kernel.org/driver-api/early-userspace/buffer-format.html */
function archive(files: Readonly<Record<string, string>>): Buffer {
  const entries = [...Object.entries(files), ['TRAILER!!!', ''] as const]
  return Buffer.concat(entries.flatMap(([name, text]) => [padded(`${header(name, text)}${name}\0`), padded(text)]))
}

function header(name: string, text: string): string {
  // ino, mode, uid, gid, nlink, mtime, size, devmajor, devminor, rdevmajor, rdevminor, length of the name, check
  const fields = [0, 0o100755, 0, 0, 1, 0, text.length, 0, 0, 0, 0, name.length + 1, 0]
  return `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`
}

function padded(text: string): Buffer {
  return Buffer.from(text.padEnd(Math.ceil(text.length / 4) * 4, '\0'), 'latin1')
}
