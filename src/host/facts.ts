// What is known of this host and its QEMU, found out once and kept, so that `start` does not pay for it.
import path from 'node:path'
import { Failure } from '../core/errors.js'
import type { Arch } from '../model/guest.js'
import { archOfProgram } from '../qemu/program.js'
import { installLine } from './install.js'
import { deadlineIn, monotonicMs, pause } from '../sys/clock.js'
import { bootId, hostArch, userIds } from '../sys/environment.js'
import { findProgram, makePrivateFolder, readText, realPath, stat, writeWhole } from '../sys/file.js'
import { isOwn, readPlain } from '../sys/plain.js'
import type { QemuUser, Verdict } from './trial.js'

export interface HostFacts {
  /** The QEMU program. */
  readonly path: string
  /** `7.2.22` */
  readonly version: string
  /** The versioned machine type that `q35`, or `virt`, stands for: `pc-q35-7.2`. */
  readonly machine: string
  /** All machine types that it has. */
  readonly machines: readonly string[]
  readonly kvm: Verdict
  /** Whether QEMU can use io_uring here, as the user that it will run as; where the kernel refuses, QEMU would not start. */
  readonly ioUring: boolean
  /** Whether this was found out now, not read from the cache. */
  readonly isFresh: boolean
}

type Facts = Omit<HostFacts, 'isFresh'>

/** The facts of one QEMU program, and until when after the host's boot they hold. */
interface Kept {
  readonly key: string
  readonly untilMs: number | null
  readonly facts: Facts
}

/** How long a verdict on KVM is believed that may only show how busy the host was. */
const doubtfulMs = 10 * 60_000

/** Longer than any look at a host takes: whoever waits for another's look gets on with its own after that. */
const lookTimeoutMs = 5000

/** Facts of so many programs are kept; a VM may have a QEMU of its own. */
const maxKept = 8

/** What distributions also call the QEMU of their own processor. */
const ownPrograms = ['/usr/libexec/qemu-kvm', 'qemu-kvm', 'kvm']

/**
 * The facts, from `cacheFile` where they still hold: the same program, boot, /dev/kvm and rights. Throws a Failure that
 * says what to install when there is no QEMU. `qemuUser` is whom QEMU runs as when root drops its rights.
 */
export async function hostFacts(options: {
  program: string | undefined
  /** The guest's processor; this machine's without it. */
  arch?: Arch | undefined
  cacheFile: string
  qemuUser?: QemuUser | undefined
  /** Aborting ends the look with its reason. */
  signal?: AbortSignal | undefined
}): Promise<HostFacts> {
  const { cacheFile, qemuUser, signal, arch = hostArch() } = options
  const program = findQemu(options.program, arch)
  const key = cacheKey(program, qemuUser?.prefix ?? [])
  const cached = (): Facts | undefined => stillTrue(readCache(cacheFile)[key.program], key.state)
  const known = cached()
  if (known !== undefined) return { ...known, isFresh: false }
  const endTurn = await takeTurn(cacheFile, () => cached() !== undefined, signal)
  try {
    // Whoever was first has found it out for all.
    const meanwhile = cached()
    if (meanwhile !== undefined) return { ...meanwhile, isFresh: false }
    const facts = await find(program, arch, qemuUser, signal)
    const untilMs = facts.kvm.isDoubtful === true ? monotonicMs() + doubtfulMs : null
    keep(cacheFile, key.program, { key: key.state, untilMs, facts })
    return { ...facts, isFresh: true }
  } finally {
    endTurn()
  }
}

/** The path of the QEMU program: the setting `qemu`, else what distributions call it. */
export function findQemu(wanted: string | undefined, arch = archOfProgram(wanted) ?? hostArch()): string {
  const usual = `qemu-system-${arch}`
  const isOwn = arch === hostArch()
  for (const name of wanted === undefined ? [usual, ...(isOwn ? ownPrograms : [])] : [wanted]) {
    const found = findProgram(name)
    if (found !== undefined) return found
  }
  throw new Failure(`there is no ${wanted ?? usual} on this machine`, {
    code: 'NOT_INSTALLED',
    hints: [
      `install QEMU: ${installLine(readText('/etc/os-release') ?? '', isOwn || arch === 'x86_64' ? 'qemu' : `qemu-${arch}`)}`,
    ],
  })
}

/** Why KVM runs no guest of this processor; undefined where it may. */
export function foreignProcessor(arch: Arch): Verdict | undefined {
  return arch === hostArch() ? undefined : { works: false, why: `this machine has no ${arch} processor` }
}

/** Names the program and how it is run, and tells with `state` whether anything has changed that the facts depend on. */
function cacheKey(program: string, prefix: readonly string[]): { program: string; state: string } {
  const real = realPath(program) ?? program
  const file = stat(real)
  const kvm = stat('/dev/kvm')
  // The times of /dev/kvm tell of a changed list of access rights and of a module that was loaded again.
  const device = kvm === undefined ? ['no kvm'] : [kvm.ino, kvm.rdev, kvm.mode, kvm.uid, kvm.gid, kvm.ctimeMs]
  const state = [real, file?.size, file?.mtimeMs, file?.ino, bootId(), ...device, 'user', ...userIds()]
  return { program: [...prefix, program].join(' '), state: state.join(' ') }
}

/** Larger than what is kept of `maxKept` programs. */
const largestBytes = 1024 * 1024

/** What is kept. It names programs that are then run, so nobody but we, or root, must be able to write it. */
function readCache(file: string): Readonly<Record<string, unknown>> {
  try {
    const found = readPlain(file, largestBytes)
    const kept: unknown = JSON.parse(found !== undefined && isOwn(found.stats) ? found.text : '{}')
    return typeof kept === 'object' && kept !== null ? { ...kept } : {}
  } catch {
    return {} // damaged: found out again
  }
}

/** The facts of an entry of the cache, if it is whole and holds now. */
function stillTrue(entry: unknown, state: string): Facts | undefined {
  const { key, untilMs, facts } = (entry ?? {}) as Partial<Kept>
  if (key !== state || untilMs === undefined || (untilMs !== null && monotonicMs() >= untilMs)) return undefined
  const { path, version, machine, machines, kvm } = facts ?? {}
  const isWhole = [path, version, machine, kvm?.why, ...[machines ?? [undefined]].flat()].every(
    (text) => typeof text === 'string',
  )
  return isWhole && [kvm?.works, facts?.ioUring].every((flag) => typeof flag === 'boolean') ? facts : undefined
}

/** What is kept only saves time: a folder that cannot be written costs no start. */
function keep(file: string, program: string, kept: Kept): void {
  const { [program]: _, ...others } = readCache(file)
  const newest = Object.entries(others).slice(1 - maxKept)
  try {
    writeWhole(file, `${JSON.stringify({ ...Object.fromEntries(newest), [program]: kept }, undefined, 2)}\n`)
  } catch {
    // As said.
  }
}

/**
 * Lets one look at a time, so that many first starts at once do not disturb each other's trial. Waits until it is our
 * turn or `isDone`; returns what ends the turn.
 */
async function takeTurn(cacheFile: string, isDone: () => boolean, signal: AbortSignal | undefined): Promise<() => void> {
  try {
    makePrivateFolder(path.dirname(cacheFile))
    const { tryLock } = await import('../sys/lock.js')
    const deadline = deadlineIn(lookTimeoutMs)
    for (;;) {
      const lock = tryLock(`${cacheFile}.lock`)
      if (lock !== undefined) return () => lock.release()
      if (isDone() || deadline.isOver) return () => {}
      await pause(30 + Math.random() * 50, signal)
    }
  } catch {
    signal?.throwIfAborted()
    // Where no lock can be made, nothing can be kept either.
    return () => {}
  }
}

async function find(
  program: string,
  arch: Arch,
  qemuUser: QemuUser | undefined,
  signal: AbortSignal | undefined,
): Promise<Facts> {
  const [{ runOrFail }, { tryKvm }] = await Promise.all([import('../sys/process.js'), import('./trial.js')])
  const limits = signal === undefined ? {} : { signal }
  const [version, machines, kvm, ioUring] = await Promise.all([
    runOrFail(`ask ${program} for its version`, [program, '--version'], limits),
    runOrFail(`ask ${program} for its machine types`, [program, '-machine', 'help'], limits),
    foreignProcessor(arch) ?? tryKvm(program, qemuUser, { signal }),
    canUseIoUring(program, qemuUser?.prefix ?? [], limits).catch(unlessAborted(signal)),
  ])
  return {
    path: program,
    version: /version (\d[\w.]*)/.exec(version)?.[1] ?? 'unknown',
    machine: /^(?:q35|virt)\s.*\(alias of (\S+)\)/m.exec(machines)?.[1] ?? (arch === 'x86_64' ? 'q35' : 'virt'),
    machines: machines
      .split('\n')
      .slice(1)
      .map((line) => line.split(' ')[0] ?? '')
      .filter((name) => name !== ''),
    kvm,
    ioUring,
  }
}

/** What cannot be tried is not used. */
function unlessAborted(signal: AbortSignal | undefined): (error: unknown) => false {
  return (error) => {
    if (signal?.aborted === true) throw error
    return false
  }
}

/** Opens a file, QEMU's own program, by io_uring. The switch kernel.io_uring_disabled, a seccomp filter or an old kernel forbid it. */
async function canUseIoUring(
  program: string,
  prefix: readonly string[],
  limits: { readonly signal?: AbortSignal },
): Promise<boolean> {
  const { run } = await import('../sys/process.js')
  const file = { driver: 'file', 'node-name': 'trial', filename: realPath(program), 'read-only': true, aio: 'io_uring' }
  const machine = ['-nodefaults', '-no-user-config', '-machine', 'none', '-display', 'none', '-monitor', 'stdio']
  const command = [...prefix, program, ...machine, '-blockdev', JSON.stringify(file)]
  return (await run(command, { ...limits, input: 'quit\n', timeoutMs: lookTimeoutMs })).status === 0
}
