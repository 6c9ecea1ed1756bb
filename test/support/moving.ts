// A guest that counts, and what is left of a move: for tests of moves that are cut off.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { guestKernel, until, type Home } from '../cli.js'
import { guestPrompt, Serial } from '../guest.js'

/** Where on its drive the guest writes how far it has counted, in sectors. */
const sector = 9

/** It counts, and each number is on its drive before it is on its serial port: `<17>`. */
const counting = `i=0; while :; do i=$((i+1)); echo $i | dd of=/dev/vda bs=512 seek=${sector} conv=fsync 2>/dev/null; echo "<$i>"; sleep 0.2; done\n`

/** Starts a VM that counts, with a drive of 64 MB. */
export async function startCounting(home: Home, id: string): Promise<void> {
  for (const words of [
    ['drive_size=64M', 'newimg'],
    ['mem=256', 'network= ', 'movable=yes', 'start', ...guestKernel],
  ]) {
    const { status, stderr } = await home.nbsvm([id, ...words])
    if (status !== 0) throw new Error(stderr)
  }
  const serial = await Serial.open(path.join(home.folder, `state/${id}/run/console.sock`))
  await serial.waitFor(guestPrompt)
  serial.send(counting)
  await serial.waitFor(/<10>/)
  serial.close()
}

/** All numbers that it has said there, as its console's log has them. */
export function counted({ folder }: Home, id: string): number[] {
  const log = path.join(folder, `state/${id}/console.log`)
  const text = fs.existsSync(log) ? fs.readFileSync(log, 'utf8') : ''
  return [...text.matchAll(/<(\d+)>\r?\n/g)].map(([, number]) => Number(number))
}

/** What is on the drive of a VM that is off. */
export function onDrive({ folder }: Home, id: string): number {
  const flat = path.join(folder, 'flat')
  execFileSync('qemu-img', ['convert', '-O', 'raw', path.join(folder, `drives/nbsvm-${id}-0.qcow2`), flat])
  const bytes = fs.readFileSync(flat).subarray(sector * 512, (sector + 1) * 512)
  fs.rmSync(flat)
  return Number(/^\d+/.exec(bytes.toString('latin1'))?.[0] ?? 0)
}

/** Waits until it goes on counting. */
export async function goesOn(home: Home, id: string): Promise<number> {
  const before = counted(home, id).at(-1) ?? 0
  await until(`${id} counts on from ${before}`, 60_000, () => (counted(home, id).at(-1) ?? 0) > before + 2)
  return counted(home, id).at(-1) ?? 0
}

/** The processes whose command line has all of these words, and whose environment has that. */
export function processesWith(words: readonly string[], environment = ''): number[] {
  return fs
    .readdirSync('/proc')
    .filter((pid) => {
      if (!/^\d+$/.test(pid)) return false
      const line = read(`/proc/${pid}/cmdline`)
      return words.every((word) => line.includes(word)) && read(`/proc/${pid}/environ`).includes(environment)
    })
    .map(Number)
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
