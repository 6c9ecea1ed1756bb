// A guest that knows when its RAM and its two drives are not of one moment: it reads from both what it wrote there last, and says so.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { guestKernel, until, type Home } from '../cli.js'
import { guestPrompt, Serial } from '../guest.js'

/** Each number is on both drives before it is on the serial port: `<17>`. */
const witnessing = `r() { dd if=$1 bs=512 skip=9 count=1 iflag=direct 2>/dev/null | tr -dc 0-9; }
w() { printf '%-512s' $i | dd of=$1 bs=512 seek=9 conv=fsync 2>/dev/null; }
i=; while :; do a=$(r /dev/vda); b=$(r /dev/vdb); [ "$a$b" = "$i$i" ] || echo "<BA""D $i $a $b>"; i=$((i+1)); w /dev/vda; w /dev/vdb; echo "<$i>"; sleep 0.2; done
`

/** Starts a VM of 128 MB that does that, with two drives. */
export async function startWitness(home: Home, id: string, memMib = 128): Promise<void> {
  for (const words of [
    ['drive_size=64M', 'newimg', 'newimg'],
    [`mem=${memMib}`, 'network= ', 'usb= ', 'start', ...guestKernel],
  ]) {
    const { status, stderr } = await home.nbsvm([id, ...words])
    if (status !== 0) throw new Error(stderr)
  }
  const serial = await Serial.open(consoleOf(home, id))
  await serial.waitFor(guestPrompt)
  for (const line of witnessing.trimEnd().split('\n')) serial.send(`${line}\n`)
  await serial.waitFor(/<10>/)
  serial.close()
}

export const consoleOf = ({ folder }: Home, id: string): string => path.join(folder, `state/${id}/run/console.sock`)

export interface Witness {
  /** The numbers that it has said since its QEMU was started. */
  readonly numbers: readonly number[]
  /** What it complains of. */
  readonly bad: readonly string[]
}

export function heard({ folder }: Home, id: string): Witness {
  const log = path.join(folder, `state/${id}/console.log`)
  const text = fs.existsSync(log) ? fs.readFileSync(log, 'latin1') : ''
  return {
    numbers: [...text.matchAll(/^<(\d+)>\r?$/gm)].map(([, number]) => Number(number)),
    bad: [...text.matchAll(/^<BAD.*$/gm)].map(([line]) => line),
  }
}

/** Waits until it goes on, and returns the first number that it says now. Throws where RAM and drives are not of one moment. */
export async function goesOn(home: Home, id: string): Promise<number> {
  const before = heard(home, id).numbers.length
  await until(`${id} goes on: ${JSON.stringify(heard(home, id))}`, 60_000, () => heard(home, id).numbers.length > before + 2)
  const { numbers, bad } = heard(home, id)
  if (bad.length > 0) throw new Error(bad.join('\n'))
  return numbers[before] ?? 0
}

/** Throws where one of its drives is damaged. Work that was killed is none: an overlay is made before its base has its name. */
export function checkDrives({ folder }: Home): void {
  const drives = path.join(folder, 'drives')
  for (const name of fs.readdirSync(drives).filter((one) => one.endsWith('.qcow2') && !one.startsWith('.tmp-')))
    execFileSync('qemu-img', ['check', '-U', '-q', '-f', 'qcow2', path.join(drives, name)])
}
