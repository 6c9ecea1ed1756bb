// Who has an image open, as Ceph says it, and how such a one is shut out: pure, for whoever has to decide it.
import { asObject, integer, list, object, text } from '../../core/check.js'

/** A program that has an image open: a QEMU, a `rbd map`, a copy. Ceph forgets it 30 s after it has died. */
export interface Watcher {
  /** `10.0.0.5:0/2436325740`: the machine, and a number that no other program there has. */
  readonly address: string
  /** `client.4175` */
  readonly client: string
}

/** Longer than it takes Ceph to forget a client that has died: after that it is no matter. */
export const fencedSeconds = 120

/** `10.0.0.5:0/123`, `[fd00::5]:0/123`, with `v1:` or `v2:` before it where that is said. */
const addressShape = /^(?:v[12]:)?(?<host>\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]{2,45}\]):\d{1,5}\/\d{1,20}$/

/** The watchers in what `rbd status --format json IMAGE` writes. Throws a Failure for what is no such answer. */
export function watchersOf(json: string): Watcher[] {
  const { watchers } = object({ watchers: oneOrMore(object({ address: text, client: integer })) })(JSON.parse(json), '')
  return watchers
    .filter(({ address }) => addressShape.test(address))
    .map(({ address, client }) => ({ address, client: `client.${client}` }))
}

/** Ceph 12 and before wrote an object in place of a list. */
function oneOrMore<T>(check: (value: unknown, place: string) => T): (value: unknown, place: string) => readonly T[] {
  return (value, place) => {
    const found = asObject(value)
    return list(check)(found === undefined ? value : Object.values(found), place)
  }
}

/** The machine of a watcher: `10.0.0.5`, `fd00::5`. */
export function machineOf({ address }: Pick<Watcher, 'address'>): string {
  return (addressShape.exec(address)?.groups?.['host'] ?? 'unknown').replaceAll(/[[\]]/g, '')
}

/**
 * The command that shuts a program out of the cluster for so many seconds, whatever it is about to write; its guest stops with an I/O
 * error. It needs `mon 'profile rbd'`.
 */
export function fenceCommand({ address }: Pick<Watcher, 'address'>, seconds: number): string[] {
  return ['ceph', 'osd', 'blocklist', 'add', address.replace(/^v[12]:/, ''), String(seconds)]
}

/** The same for all programs of the machine `10.0.0.5` or `fd00::5`, those that it will start too. */
export function fenceMachineCommand(machine: string, seconds: number): string[] {
  return ['ceph', 'osd', 'blocklist', 'add', `${machine.includes(':') ? `[${machine}]` : machine}:0/0`, String(seconds)]
}

/** The command that lets it in again, after its QEMUs are gone: of a program that was shut out none can ever go on. */
export function unfenceCommand(machine: string): string[] {
  return ['ceph', 'osd', 'blocklist', 'rm', `${machine.includes(':') ? `[${machine}]` : machine}:0/0`]
}
