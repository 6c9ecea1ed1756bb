// How ssh reaches VMs of another machine: through that machine, as its own nbsvm says where they are.
import { integer, list, object, orNull, text, wrong, type Check } from '../../core/check.js'
import type { SshEntry } from './sshentry.js'

/** What `ssh-config --json` prints of a VM. */
export interface ToldEntry {
  readonly id: string
  readonly class: string | null
  readonly host: string
  readonly port: number
  readonly user: string
  /** `ssh-ed25519 AAAA...`, where it is known. */
  readonly hostKey: string | null
}

/** Text of one shape: it comes to stand in files that ssh believes. */
function shaped(shape: RegExp, what: string): Check<string> {
  return (value, place) => (shape.test(text(value, place)) ? String(value) : wrong(what, place))
}

const id = shaped(/^[A-Za-z0-9][A-Za-z0-9._-]{0,130}$/, 'the name of a VM')

/** Reads what another machine says. Throws a Failure for what is none of it. */
export const asToldEntries: Check<readonly ToldEntry[]> = list(
  object({
    id,
    class: orNull(id),
    host: shaped(/^[A-Za-z0-9][A-Za-z0-9.:%_-]{0,254}$/, 'an address'),
    port: (value, place) => {
      const port = integer(value, place)
      return port > 0 && port < 65_536 ? port : wrong('a port', place)
    },
    user: shaped(/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/, 'the name of a user'),
    hostKey: orNull(shaped(/^[a-z0-9@.-]{1,60} [A-Za-z0-9+/=]{1,3000}$/, 'a public key')),
  }),
)

/** `web.box2`: what a VM of another machine is called where a colon cannot stand. */
export function nameThere({ id: vm }: Pick<ToldEntry, 'id'>, host: string): string {
  return `${vm}.${host
    .replace(/^.*@/, '')
    .replaceAll(/[^A-Za-z0-9.-]+/g, '-')
    .replaceAll(/^-|-$/g, '')}`
}

/**
 * The entry through that machine. nbsvm's own key for the VM stays there, so it is the caller's keys that log in (`ssh_key` lets them);
 * the host key stands in the entry itself.
 */
export function jumpEntry(told: ToldEntry, host: string): SshEntry {
  const { port, user, hostKey } = told
  const alias = `nbsvm-${nameThere(told, host)}`
  const known: SshEntry['options'] =
    hostKey === null
      ? [['StrictHostKeyChecking', 'accept-new']]
      : [
          ['KnownHostsCommand', `/bin/echo ${alias} ${hostKey}`],
          ['UserKnownHostsFile', '/dev/null'],
          ['GlobalKnownHostsFile', '/dev/null'],
          ['StrictHostKeyChecking', 'yes'],
        ]
  return { alias, host: told.host, port, user, options: [['ProxyJump', host], ['HostKeyAlias', alias], ...known] }
}
