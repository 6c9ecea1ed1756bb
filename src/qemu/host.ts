// What is known of this host and its QEMU, found out once and kept, so that `start` does not pay for it.
import { Failure } from '../core/errors.js'
import { bootId, userIds } from '../sys/environment.js'
import { findProgram, makePrivateFolder, readText, realPath, stat, writeWhole } from '../sys/file.js'
import { runOrFail } from '../sys/process.js'
import { tryKvm, type Verdict } from './trial.js'

export interface HostFacts {
  /** The QEMU program. */
  readonly path: string
  /** `7.2.22` */
  readonly version: string
  /** The versioned machine type that `q35` stands for, `pc-q35-7.2`. */
  readonly machine: string
  readonly kvm: Verdict
  /** Whether this was found out now, not read from the cache. */
  readonly isFresh: boolean
}

const programs = ['qemu-system-x86_64', '/usr/libexec/qemu-kvm', 'qemu-kvm', 'kvm']

/**
 * The facts, from `cacheFile` where they still hold: the same program, kernel, boot, /dev/kvm and rights. Throws a Failure
 * that says what to install when there is no QEMU. `prefix` is what QEMU is run through when root drops its rights.
 */
export async function hostFacts(options: {
  program: string | undefined
  cacheFile: string
  prefix?: readonly string[]
}): Promise<HostFacts> {
  const program = findQemu(options.program)
  const prefix = options.prefix ?? []
  const key = cacheKey(program, prefix)
  const cached = readCache(options.cacheFile, key)
  if (cached !== undefined) return { ...cached, isFresh: false }
  const [version, machine, kvm] = await Promise.all([askVersion(program), askMachine(program), tryKvm(program, prefix)])
  const facts = { path: program, version, machine, kvm }
  makePrivateFolder(options.cacheFile.slice(0, options.cacheFile.lastIndexOf('/')))
  writeWhole(options.cacheFile, `${JSON.stringify({ key, facts }, undefined, 2)}\n`)
  return { ...facts, isFresh: true }
}

/** The path of the QEMU program: the setting `qemu`, else what distributions call it. */
export function findQemu(wanted: string | undefined): string {
  const found = (wanted === undefined ? programs : [wanted]).map((name) => findProgram(name)).find((file) => file !== undefined)
  if (found !== undefined) return found
  throw new Failure(`there is no ${wanted ?? 'qemu-system-x86_64'} on this machine`, {
    hints: [`install QEMU: ${installLine()}`],
  })
}

/** How QEMU is installed here, by /etc/os-release. */
function installLine(): string {
  const release = readText('/etc/os-release') ?? ''
  const like = [...release.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)/gm)].map((match) => match[1]).join(' ')
  if (/fedora|rhel|centos/.test(like)) return 'sudo dnf install qemu-system-x86-core qemu-img'
  if (like.includes('arch')) return 'sudo pacman -S qemu-base'
  if (like.includes('alpine')) return 'sudo apk add qemu-system-x86_64 qemu-img util-linux'
  return 'sudo apt install qemu-system-x86 qemu-utils'
}

/** Changes whenever the facts might. */
function cacheKey(program: string, prefix: readonly string[]): string {
  const real = realPath(program) ?? program
  const file = stat(real)
  const kvm = stat('/dev/kvm')
  const parts = [
    program,
    real,
    file?.size,
    file?.mtimeMs,
    file?.ino,
    bootId(),
    kvm?.rdev,
    kvm?.mode,
    kvm?.uid,
    kvm?.gid,
    ...userIds(),
    ...prefix,
  ]
  return parts.join(' ')
}

function readCache(file: string, key: string): Omit<HostFacts, 'isFresh'> | undefined {
  try {
    const kept = JSON.parse(readText(file) ?? 'null') as { key: string; facts: Omit<HostFacts, 'isFresh'> } | null
    return kept?.key === key ? kept.facts : undefined
  } catch {
    return undefined // damaged: found out anew
  }
}

async function askVersion(program: string): Promise<string> {
  const text = await runOrFail(`ask ${program} for its version`, [program, '--version'])
  return /version (\S+)/.exec(text)?.[1] ?? 'unknown'
}

async function askMachine(program: string): Promise<string> {
  const text = await runOrFail(`ask ${program} for its machine types`, [program, '-machine', 'help'])
  return /^q35\s.*\(alias of (\S+)\)/m.exec(text)?.[1] ?? 'q35'
}
