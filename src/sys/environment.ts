// What nbsvm knows of the world it was called in.
import { readText } from './file.js'

export type Environment = Readonly<Record<string, string | undefined>>

export const environment: Environment = process.env

export function isRoot(): boolean {
  return process.geteuid?.() === 0
}

/** The user's home folder. */
export function homeFolder(): string {
  return process.env['HOME'] || process.getBuiltinModule('node:os').homedir()
}

/** Changes at every boot of the host: what was written down under another one is history. */
export function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
}

/** The first `length` bytes of a text's SHA-256, for what must be the same at every start yet differ from VM to VM. */
export function digest(text: string, length: number): Buffer {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest().subarray(0, length)
}

/** Effective user and all groups: what decides which devices may be opened. */
export function userIds(): number[] {
  return [process.geteuid?.() ?? 0, ...(process.getgroups?.() ?? [])]
}
