// What `doctor` says of one thing.
import { installLine, type Installable } from '../install.js'
import { readText } from '../../sys/file.js'

/** A program that has not answered by then hangs; on a busy machine one that is well may take two seconds. */
export const answerTimeoutMs = 3000

/** One thing of this machine, as `nbsvm doctor --json` shows it; the names of these fields never change their meaning. */
export interface Finding {
  /** `kvm`, `qemu`, `bridge br0`, ... */
  readonly name: string
  /** `true`: it is there. `null`: it is not, or cannot be seen, and nothing requires it. `false`: it is required, or nothing goes without it. */
  readonly ok: boolean | null
  /** What was found. */
  readonly what: string
  /** What to type, or do, about it. */
  readonly hint: string | null
}

export function good(name: string, what: string): Finding {
  return { name, ok: true, what, hint: null }
}

/** Not there, and not needed as long as no setting requires it. */
export function lacking(name: string, what: string, hint?: string): Finding {
  return { name, ok: null, what, hint: hint ?? null }
}

/** Not there although it is needed. */
export function bad(name: string, what: string, hint?: string): Finding {
  return { name, ok: false, what, hint: hint ?? null }
}

/** How a program is installed on this machine. */
export function install(what: Installable): string {
  return installLine(readText('/etc/os-release') ?? '', what)
}
