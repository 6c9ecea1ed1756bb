// Runs a program in User-Mode Linux, over this machine's own files, where it is root and has device-mapper, loop devices,
// taps and bridges, whoever started the tests and whatever kernel the machine has.
//
// Started by an ordinary user it works too: the program is root there, but reads and writes the host's files as that user.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { quoteWords } from '../../src/core/words.js'
import { findProgram } from '../../src/sys/file.js'

export interface UmlOptions {
  /** All of it, from power-on, is killed after this time; without it just before a test that hangs is ended. */
  readonly timeoutMs?: number
  /** RAM of the machine; it takes room on the host only as it is used. */
  readonly memory?: string
  /** Size of the empty disk that it has as /dev/ubda; a file with holes on the host. None without it. */
  readonly diskBytes?: number
  /** A disk in its place that was there before, and stays. */
  readonly disk?: string
  readonly environment?: Readonly<Record<string, string>>
  /** When its power is cut. */
  readonly cut?: AbortSignal
  /** Called with each piece of output as it comes. */
  readonly onOutput?: (text: string) => void
}

export interface UmlResult {
  /** How the program ended, as a shell says it; 124 when the time was up, 125 when the machine ended without it. */
  readonly status: number
  /** What it wrote to stdout and stderr. */
  readonly output: string
  /** What the kernel wrote. */
  readonly console: string
}

/** What User-Mode Linux cannot run without here, as packages of Debian; empty where it can. */
export function umlNeeds(): string[] {
  const needed = { 'linux.uml': 'user-mode-linux', modprobe: 'kmod', lvs: 'lvm2' }
  return Object.entries(needed)
    .filter(([program]) => findProgram(program) === undefined)
    .map(([, debianPackage]) => debianPackage)
}

/**
 * Runs one program to its end, in this process's folder, with an empty HOME and TMPDIR of its own and no other variables than
 * those given. Nothing of it is left behind, whatever happens.
 */
export async function uml(command: readonly string[], options: UmlOptions = {}): Promise<UmlResult> {
  const out = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-uml-'))
  try {
    const environment = Object.entries(options.environment ?? {}).map(([name, value]) => `${name}=${value}`)
    const script = [
      ['cd', process.cwd()],
      ['exec', 'env', ...environment, ...command],
    ]
      .map(quoteWords)
      .join(' &&\n')
    fs.writeFileSync(path.join(out, 'command'), `${script}\n`)
    const disk = options.disk ?? path.join(out, 'disk')
    if (options.diskBytes !== undefined) fs.closeSync(fs.openSync(disk, 'w'))
    if (options.diskBytes !== undefined) fs.truncateSync(disk, options.diskBytes)
    const { console, timedOut } = await boot(out, options, fs.existsSync(disk) ? [`ubd0=${disk}`] : [])
    return { ...readEnd(out, timedOut ? 124 : 125), console }
  } finally {
    fs.rmSync(out, { recursive: true, force: true })
  }
}

/** The init script in the sources: tests run from build/js/test/uml, three folders further down. */
const initScript = path.join(import.meta.dirname, '../../../../test/uml/init.sh')

/**
 * Starts the machine and waits until it is off. timeout(1) ends it even if this process is killed meanwhile: with SIGTERM, at
 * which User-Mode Linux ends its helpers too.
 */
function boot(out: string, options: UmlOptions, disks: readonly string[]): Promise<{ console: string; timedOut: boolean }> {
  const kernel = [
    'root=hostfs',
    'rootfstype=hostfs',
    'rw',
    'quiet',
    'pty.legacy_count=0',
    'init=/bin/sh',
    `nbsvm_out=${out}`,
    '--',
    initScript,
  ]
  const machine = [`mem=${options.memory ?? '2G'}`, `uml_dir=${out}/`, 'con=null', 'con0=null,fd:1', ...disks]
  const seconds = String((options.timeoutMs ?? 2_000_000) / 1000)
  // Each handing over would else wait for its turn behind the QEMUs of other tests; where root starts them, it need not.
  const manner = ['nice', '-n', '-15', 'taskset', '-c', oneCpu()]
  const child = spawn('timeout', ['--kill-after=5', seconds, ...manner, 'linux.uml', ...machine, ...kernel], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: roomyFolder() },
  })
  // What it had not written by then is lost: nothing of it is told to its kernel.
  options.cut?.addEventListener('abort', () => child.kill('SIGTERM'))
  let console = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (console += text))
  const stopFollowing = options.onOutput === undefined ? undefined : follow(path.join(out, 'output'), options.onOutput)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      stopFollowing?.()
      resolve({ console, timedOut: code === 124 })
    })
  })
}

/**
 * One of the CPUs that this process may use. The machine has one only, and hands over between its processes at every fault
 * and system call: kept on one CPU it is five to ten times as fast.
 */
function oneCpu(): string {
  const allowed = /^Cpus_allowed_list:\s*(.*)$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  const cpus = allowed.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
  return String(cpus[process.pid % cpus.length] ?? 0)
}

/** The machine's RAM is an unlinked file there. */
function roomyFolder(): string {
  return fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir()
}

/** Hands on what is added to a file. Returns what ends it. */
function follow(file: string, onOutput: (text: string) => void): () => void {
  let seen = 0
  const look = (): void => {
    const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''
    if (text.length > seen) onOutput(text.slice(seen))
    seen = text.length
  }
  const timer = setInterval(look, 100)
  return () => {
    clearInterval(timer)
    look()
  }
}

/** What the program left; the status is `otherwise` when it did not get to its end. */
function readEnd(out: string, otherwise: number): { status: number; output: string } {
  const read = (name: string): string | undefined => {
    const file = path.join(out, name)
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined
  }
  return { status: Number(read('status') ?? otherwise), output: read('output') ?? '' }
}
