// A home of its own for a row, and eyes on it: what runs there, what lies there, and what must not.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { homeIn, program, until, type Home, type Result } from '../test/cli.js'
import { bases, check, leftovers } from '../test/support/drives.js'
import { programsOf } from '../test/support/remains.js'

export interface World extends Home {
  /** Holds the home, and what a row makes beside it. */
  readonly outside: string
  /** Runs a line, which must end with 0 within its time. Returns its output. */
  readonly works: (...words: readonly string[]) => Promise<string>
  /** Ends all that runs there, and removes it. */
  readonly close: () => Promise<void>
}

export const mib = 2 ** 20

/** In a folder of its own under `parent`. */
export function openWorld(parent = os.tmpdir()): World {
  return worldIn(fs.mkdtempSync(path.join(parent, 'nbsvm-torture-')))
}

/** In this folder, where one may be already. */
export function worldIn(outside: string): World {
  const folder = path.join(outside, 'home')
  fs.mkdirSync(folder, { recursive: true })
  // QEMU's own user goes through it.
  fs.chmodSync(outside, 0o755)
  const { env, nbsvm } = homeIn(folder)
  // With passt a VM starts more slowly, and whether it ends is a matter of other tests.
  Object.assign(env, { mem: '32M', network: 'none', usb: 'none' })
  const works = async (...words: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await nbsvm(words)
    if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}: ${stderr.trim()}`)
    return stdout
  }
  const close = async (): Promise<void> => {
    await endAll(folder, nbsvm)
    fs.rmSync(outside, { recursive: true, force: true })
  }
  return { folder, outside, env, nbsvm, works, close }
}

/** Does it in a world of its own, which is gone after it. */
export async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
  const world = openWorld()
  try {
    await work(world)
  } finally {
    await world.close()
  }
}

async function endAll(folder: string, nbsvm: Home['nbsvm']): Promise<void> {
  if (runningIn(folder).length > 0) await nbsvm([runningIn(folder).join(','), 'stop'])
  for (const { pid } of programsOf(folder)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
  await until('its programs end', 10_000, () => programsOf(folder).length === 0)
}

/** The VMs whose QEMU is there, by the processes alone: each as often as it is there. */
export function runningIn(folder: string): string[] {
  return programsOf(folder).flatMap(({ told }) => /^~\/state\/([\w.-]+)\/run qemu-system/.exec(told)?.[1] ?? [])
}

/** The files that hold a VM's own drives, by number. */
export function drivesIn(folder: string, id: string): string[] {
  const drives = path.join(folder, 'drives')
  if (!fs.existsSync(drives)) return []
  return fs.readdirSync(drives).filter((name) => new RegExp(`^nbsvm-${id}-\\d+\\.`).test(name))
}

/** SHA-256 of all that a guest would see of a drive. */
export function contentOf(file: string, format = 'qcow2'): string {
  const flat = `${file}.flat-${process.pid}`
  try {
    execFileSync('qemu-img', ['convert', '-U', '-f', format, '-O', 'raw', file, flat])
    return createHash('sha256').update(fs.readFileSync(flat)).digest('hex')
  } finally {
    fs.rmSync(flat, { force: true })
  }
}

/**
 * Waits until nothing runs but VMs and what belongs to them: what puts in order what a kill has left ends by itself. Returns what is still there after
 * `timeoutMs`: orphans.
 */
export async function orphansIn({ folder }: Home, timeoutMs = 30_000): Promise<string[]> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const up = runningIn(folder)
    const twice = up.filter((id, at) => up.indexOf(id) !== at).map((id) => `two QEMUs of ${id}`)
    const own = new RegExp(`^~/state/(${up.join('|') || '-'})(/run qemu-system\\S*| (sh|dd))$`)
    const left = [...twice, ...programsOf(folder).flatMap(({ told }) => (own.test(told) ? [] : [told]))]
    if (left.length === 0 || performance.now() > deadline) return left
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

interface Listed {
  readonly id: string
  readonly state: string
  readonly pid: number | null
  readonly drives: readonly string[]
  readonly fault: string | null
}

/** What is wrong with a home in which nothing is at work: what nbsvm says of it, and what lies there. A command that changes something has been run since. */
export async function faultsIn(home: Home): Promise<string[]> {
  const { listed, faults } = await list(home)
  return [...faults, ...faultsOnDisk(home, listed)]
}

/** The first half of that: whether what nbsvm says of each VM is so. */
export async function listFaults(home: Home): Promise<string[]> {
  return (await list(home)).faults
}

async function list(home: Home): Promise<{ listed: readonly Listed[]; faults: string[] }> {
  const { status, stdout, stderr } = await home.nbsvm(['ls', '--json'])
  if (status !== 0) return { listed: [], faults: [`ls ended with ${status}: ${stderr.trim()}`] }
  const listed = JSON.parse(stdout) as Listed[]
  const up = runningIn(home.folder)
  const faults = listed.flatMap(({ id, state, fault }) => {
    const runs = state === 'running' || state === 'paused'
    const isFalse = state === 'busy' || runs !== up.includes(id)
    return [
      ...(isFalse ? [`ls says that ${id} is ${state}, and its QEMU is ${up.includes(id) ? 'there' : 'gone'}`] : []),
      ...(fault === null ? [] : [`${id}: ${fault}`]),
    ]
  })
  const unknown = up.filter((id) => !listed.some((vm) => vm.id === id)).map((id) => `the QEMU of ${id} cannot be reached`)
  return { listed, faults: [...faults, ...unknown] }
}

function faultsOnDisk({ folder }: Home, listed: readonly Listed[]): string[] {
  const drives = path.join(folder, 'drives')
  if (!fs.existsSync(drives)) return []
  const names = fs.readdirSync(drives)
  const shown = new Set(listed.flatMap((vm) => vm.drives))
  const visible = names.flatMap((name) => /^(nbsvm-.*-\d+)\./.exec(name)?.[1] ?? [])
  const faults = visible.filter((name) => !shown.has(name)).map((name) => `${name} is a drive that ls does not show`)
  faults.push(...leftovers(drives).map((name) => `${name} is left`))
  for (const name of names.filter((one) => /^nbsvm-.*\.qcow2$/.test(one))) {
    try {
      check({ format: 'qcow2', path: path.join(drives, name), kind: 'file' })
    } catch (error) {
      faults.push(`${name} is damaged: ${String(error).slice(0, 300)}`)
    }
  }
  return [...faults, ...strayBases(drives)]
}

/** Bases that nothing stands on and nobody has pinned. */
function strayBases(drives: string): string[] {
  const names = fs.readdirSync(drives).filter((name) => name.startsWith('nbsvm-') || name.startsWith('.base-'))
  const used = new Set(names.map((name) => backingOf(path.join(drives, name))))
  const pins = fs.readdirSync(drives).filter((name) => name.startsWith('.pin-'))
  return bases(drives)
    .filter((name) => !used.has(name) && !pins.some((pin) => pin.includes(/[0-9a-f]{16}/.exec(name)?.[0] ?? '-')))
    .map((name) => `${name} is a base of nobody`)
}

function backingOf(file: string): string {
  const head = Buffer.alloc(4096)
  const fd = fs.openSync(file, 'r')
  fs.readSync(fd, head, 0, head.length, 0)
  fs.closeSync(fd)
  if (head.readUInt32BE(0) !== 0x514649fb) return ''
  const at = Number(head.readBigUInt64BE(8))
  return path.basename(head.toString('utf8', at, at + head.readUInt32BE(16)))
}

/** A line that ends within its time, or is killed and told of. */
export async function inTime(
  home: Home,
  words: readonly string[],
  { timeoutMs = 60_000, env = {}, cwd = home.folder }: { timeoutMs?: number; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<Result & { readonly isLate: boolean }> {
  const child = spawn(program, words, { env: { ...home.env, ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr, isLate] = ['', '', false]
  child.stdout.setEncoding('latin1').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('latin1').on('data', (text: string) => (stderr += text))
  const timer = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, timeoutMs)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => {
      clearTimeout(timer)
      resolve({ status: status ?? -1, stdout, stderr, isLate })
    })
  })
}
