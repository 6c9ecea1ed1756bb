// The real nbsvm (dist/nbsvm.cjs) in a home of its own, for tests that boot real VMs.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after } from 'node:test'

/** NBSVM=FILE: another, such as the single file. */
export const program = path.resolve(process.env['NBSVM'] ?? 'dist/nbsvm.cjs')

/**
 * The small Linux that `scripts/guest` makes: a disk that boots to a shell on the serial port in a few seconds under TCG. A kernel that looks
 * whether its timer ticks as it counts takes a processor that is translated, on a machine under load, for a broken one, and stops.
 */
export const guestDisk = path.resolve('build/guest/disk.qcow2')
export const guestKernel = [
  '-kernel',
  path.resolve('build/guest/vmlinux'),
  '-initrd',
  path.resolve('build/guest/initrd'),
  '-append',
  'console=ttyS0 quiet no_timer_check cryptomgr.notests',
]

/** The same with a guest agent. */
export const agentKernel = guestKernel.map((word) => (word.endsWith('/initrd') ? `${word}-agent` : word))

export interface Result {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface Home {
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  /** Runs nbsvm to its end. */
  readonly nbsvm: (
    args: readonly string[],
    options?: { env?: NodeJS.ProcessEnv; input?: string; program?: string },
  ) => Promise<Result>
}

/** A folder as NBSVM_HOME. */
export function homeIn(folder: string): Home {
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    HOME: folder,
    NBSVM_HOME: folder,
    LC_ALL: 'C.UTF-8',
    accel: 'tcg',
    // What a refused line has touched is looked for in the home, where Node.js from 22 on would keep compiled code.
    NODE_DISABLE_COMPILE_CACHE: '1',
  }
  return {
    folder,
    env,
    nbsvm: (args, options = {}) => run(options.program ?? program, args, { ...env, ...options.env }, options.input),
  }
}

/** A new, empty NBSVM_HOME; when the test file ends, every VM in it is stopped and it is removed. */
export function makeHome(): Home {
  const folder = mkdtempSync(path.join(tmpdir(), 'nbsvm-test-'))
  const home = homeIn(folder)
  after(async () => {
    const { stdout } = await home.nbsvm(['ls', '--json'])
    const running = (JSON.parse(stdout || '[]') as { id: string; state: string }[]).filter(({ state }) => state !== 'stopped')
    await Promise.all(running.map(({ id }) => home.nbsvm([id, 'stop'])))
    rmSync(folder, { recursive: true, force: true })
  })
  return home
}

/** Runs a program to its end; a signal counts as 128 + its number is not needed here, so it is -1. */
export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, input = ''): Promise<Result> {
  const child = spawn(command, args, { env, stdio: 'pipe' })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.on('error', () => {}).end(input)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => resolve({ status: status ?? -1, stdout, stderr }))
  })
}

/** Asks again every 100 ms until the answer is true; throws with `what` after `timeoutMs`. */
export async function until(
  what: string | (() => string),
  timeoutMs: number,
  ask: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${typeof what === 'string' ? what : what()}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
