// What nbsvm knows of the world it was called in.
import type { Arch } from '../model/guest.js'
import { readText } from './file.js'

export type Environment = Readonly<Record<string, string | undefined>>

export const environment: Environment = process.env

export function isRoot(): boolean {
  return ownUid() === 0
}

/** The user's home folder; as login(1) has it, `/` for a user whom no passwd file knows. */
export function homeFolder(): string {
  try {
    return process.env['HOME'] || process.getBuiltinModule('node:os').homedir()
  } catch {
    return '/'
  }
}

/** Changes at every boot of the host: what was written down under another one is history. */
export function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
}

/** The host's own id, machine-id(5); undefined where it has none, as in many containers. */
export function machineId(): string | undefined {
  const ids = ['/etc/machine-id', '/var/lib/dbus/machine-id'].map((file) => readText(file)?.trim() ?? '')
  return ids.find((id) => /^[0-9a-f]{32}$/.test(id))
}

/** What this machine calls itself. */
export function machineName(): string {
  return readText('/proc/sys/kernel/hostname')?.trim() || 'localhost'
}

/** The processor of this machine, as QEMU calls it. */
export function hostArch(): Arch {
  return archs[process.arch] ?? 'x86_64'
}

const archs: Readonly<Partial<Record<NodeJS.Architecture, Arch>>> = { arm64: 'aarch64', riscv64: 'riscv64' }

/** The effective user. */
export function ownUid(): number {
  return process.geteuid?.() ?? 0
}

/** The effective group. */
export function groupId(): number | undefined {
  return process.getegid?.()
}

/** Effective user and all groups: what decides which devices may be opened. */
export function userIds(): number[] {
  return [ownUid(), ...(process.getgroups?.() ?? [])]
}

/** What this machine calls itself, without its domain. */
export function hostName(): string {
  return process.getBuiltinModule('node:os').hostname().split('.')[0] ?? ''
}
