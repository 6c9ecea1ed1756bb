// Whom a line is about: `web` is a VM of this machine, `box2:web` one of another machine, `box2:` that machine itself.
import { UsageError } from './errors.js'
import { checkName } from './name.js'
import { quote } from './quote.js'

export interface Target {
  /** As ssh takes it: `box2`, `me@box2`, an alias of its config; undefined for this machine. */
  readonly host: string | undefined
  /** A VM's name or a pattern; empty for the machine itself. */
  readonly name: string
}

/** `box2`, `me@box2.example`, `root@[fe80::1%eth0]`; never an option of ssh's. */
const hostShape = /^(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?(?:[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\])$/

/** Reads one target. Throws UsageError for what cannot be the name of a host. */
export function parseTarget(text: string): Target {
  const colon = text.lastIndexOf(':')
  if (colon === -1) return { host: undefined, name: text }
  if (colon === 0) {
    throw new UsageError(`${quote(text)} names no machine before the colon`, {
      hints: ['a VM of this machine is written without one; of another: box2:web'],
    })
  }
  return { host: checkHost(text.slice(0, colon)), name: text.slice(colon + 1) }
}

/** Where a VM goes: `box2`, or `box2:web` where it is called otherwise there. Throws UsageError for what cannot be the name of a host or a VM. */
export function parseDestination(text: string): { readonly host: string; readonly name: string | undefined } {
  const { host, name } = parseTarget(text)
  return host === undefined
    ? { host: checkHost(name), name: undefined }
    : { host, name: name === '' ? undefined : checkName('VM', name) }
}

export function checkHost(host: string): string {
  if (hostShape.test(host) && host.length <= 300) return host
  throw new UsageError(`${quote(host)} is not the name of a machine`, {
    hints: ['write it as ssh takes it: box2:web, me@box2:web'],
  })
}

/** What ssh(1) calls it: an address stands without its brackets there. */
export function sshName(host: string): string {
  return host.replace(/\[(.*)\]$/, '$1')
}
