// VMs of nbsvm's whose guests are asked something as soon as they run: forked, and started.
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { answered, untilRuns } from './answer.js'
import type { World } from './world.js'

export interface Forked {
  /** In ms since the command was begun: until its QEMU was run, its guest's processor ran, its guest answered, the command ended. */
  readonly spawnMs: number
  readonly cpuMs: number
  readonly guestMs: number
  readonly endMs: number
  /** What its QEMU took of memory then, in MB, as far as it shares it with nobody. */
  readonly pssMb: number
}

export const drawerOf = ({ env }: World, vm: string): string => path.join(env['NBSVM_HOME'] ?? '', 'state', vm)

/** Forks, and asks the guest as soon as it runs. */
export function timeFork(world: World, gold: string, settings: readonly string[]): Promise<Forked> {
  return timeVm(world, 'one', [...settings, `gold=${gold}`, 'fork'], false)
}

/** Starts a VM without a drive, and asks its guest when that shows its prompt. */
export function timeStart(world: World, settings: readonly string[], options: readonly string[], mem = 256): Promise<Forked> {
  return timeVm(world, 'cold', [...settings, `mem=${mem}`, 'start', ...options], true)
}

async function timeVm(world: World, name: string, words: readonly string[], boots: boolean): Promise<Forked> {
  const { env, folder, as } = world
  const run = path.join(drawerOf(world, name), 'run')
  const beganAt = Date.now()
  const began = performance.now()
  const child = spawn(world.program, [name, ...words], { env, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], ...as })
  const ended = endOf(child)
  try {
    await untilRuns(run, ended.failed)
    const guestMs = (await answered(run, boots)) - began
    const pidFile = path.join(run, '../pid')
    const pssMb = pssOf(Number(readFileSync(pidFile, 'utf8')))
    // It is written just after that.
    const spawnMs = statSync(pidFile).mtimeMs - beganAt
    const endMs = (await ended.atMs) - began
    return { spawnMs, cpuMs: resumedAt(world, name) - beganAt, guestMs, endMs, pssMb }
  } finally {
    const isThere = await ended.atMs.then(
      () => true,
      () => false,
    )
    if (isThere) world.nbsvm(name, 'stop', 'rm', '--yes')
  }
}

/** What it says is told where it fails. */
function endOf(child: ChildProcess): { readonly atMs: Promise<number>; readonly failed: Promise<never> } {
  let words = ''
  child.stderr?.on('data', (bytes: Buffer) => (words += bytes.toString()))
  const atMs = new Promise<number>((resolve, reject) => {
    child.on('error', reject).on('exit', (status) => {
      if (status === 0) resolve(performance.now())
      else reject(new Error(`${child.spawnargs.join(' ')}: exit status ${status}: ${words}`))
    })
  })
  const failed = atMs.then(() => new Promise<never>(() => {}))
  failed.catch(() => {})
  return { atMs, failed }
}

/** By QEMU's own clock, to the microsecond. */
function resumedAt(world: World, name: string): number {
  const events = readFileSync(path.join(drawerOf(world, name), 'events.jsonl'), 'utf8')
  const { seconds, micros } =
    /"seconds": (?<seconds>\d+), "microseconds": (?<micros>\d+)\}, "event": "RESUME"/.exec(events)?.groups ?? {}
  return Number(seconds) * 1000 + Number(micros) / 1000
}

function pssOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(/^Pss: +(?<kb>\d+) kB$/m.exec(text)?.groups?.['kb']) / 1024
}

/** One line that forks so many: how long it takes, in ms, and what each QEMU takes of memory then, in MB, while all run. */
export function timeForks(
  world: World,
  gold: string,
  settings: readonly string[],
  many: number,
): { readonly ms: number; readonly pssMb: number } {
  const names = Array.from({ length: many }, (_, at) => `many${at}`)
  const ms = world.time(names.join(','), ...settings, `gold=${gold}`, 'fork')
  const pids = names.map((name) => Number(readFileSync(path.join(drawerOf(world, name), 'pid'), 'utf8')))
  const pssMb = pids.map(pssOf).reduce((sum, mb) => sum + mb, 0) / many
  world.nbsvm('many*', 'stop', 'rm', '--yes')
  return { ms, pssMb }
}
