// The VMs of other machines, as their own nbsvm lists them. Whoever owns such a machine says there what he likes: it is bounded in size
// and time, and looked at before it is believed.
import { integer, list, object, orNull, size, text, wrong, type Check } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import { isVmId, nameFault, parseDriveName } from '../../core/name.js'
import { shorten } from '../../core/quote.js'
import { sideBySide } from '../../core/sidebyside.js'
import type { Place } from '../../host/place.js'
import { askHost } from '../../remote/ask.js'
import { mostLogins, socketsIn } from '../../remote/connection.js'
import type { Listed, OnFault } from './list.js'

/** More VMs than one machine has, and longer than their list: a hundred machines that lie are a gigabyte at most. */
const mostVms = 5000
const mostSaid = 4 * 1024 ** 2

/** What a machine complains of beside its list: so many lines, each of so many characters. */
const [mostNotes, longestNote] = [20, 500]

function named(isRight: (name: string) => boolean, kind: string): Check<string> {
  return (value, where) => (typeof value === 'string' && isRight(value) ? value : wrong(kind, where))
}

const name = named((word) => nameFault(word) === undefined, 'a name')

function port(value: unknown, where: string): number {
  const number = integer(value, where)
  return number > 0 && number < 65_536 ? number : wrong('a port', where)
}

function brief(most: number): Check<string> {
  return (value, where) => shorten(text(value, where), most)
}

/** Fields that another version does not have, or does not know of, are null. */
const asVm = object({
  id: named(isVmId, 'the name of a VM'),
  class: orNull(name),
  name,
  state: oneState,
  pid: orNull(size),
  sinceMs: orNull(size),
  // Another version may not know of it.
  savedMs: (value, where) => orNull(size)(value ?? null, where),
  memBytes: orNull(size),
  forwards: list(
    object({
      address: named((word) => /^[0-9A-Fa-f:.*]{1,45}$/.test(word), 'an address'),
      hostPort: port,
      guestPort: port,
      protocol: oneProtocol,
    }),
  ),
  drives: list(named((word) => parseDriveName(word) !== undefined && word.length < 200, 'the name of a drive')),
  template: orNull(object({ atMs: size, ramBytes: size, forks: list(named(isVmId, 'the name of a VM')) })),
  forkedFrom: orNull(named(isVmId, 'the name of a VM')),
  image: orNull(brief(1000)),
  fault: orNull(brief(1000)),
})

const states = ['running', 'paused', 'busy', 'stopped', 'unknown'] as const

function oneState(value: unknown): Listed['state'] {
  return states.find((state) => state === value) ?? 'unknown'
}

function oneProtocol(value: unknown): 'tcp' | 'udp' {
  return value === 'udp' ? 'udp' : 'tcp'
}

function asListed(value: unknown): readonly Listed[] {
  if (Array.isArray(value) && value.length > mostVms) throw new Failure(`it names more than ${mostVms} VMs`)
  const vms = list(asVm)(value, '')
  if (new Set(vms.map(({ id }) => id)).size < vms.length) throw new Failure('it names a VM twice')
  return vms
}

interface Asking {
  /** A machine that has been silent for so long is given up. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly note: (text: string) => void
}

/**
 * Lists the VMs of machines, in their order; `list` is asked for those of one. What is wrong with a machine goes to `onFault`, and
 * hides no other.
 */
export async function listMachines(
  hosts: readonly string[],
  list: (host: string) => Promise<readonly Listed[]>,
  onFault: OnFault,
): Promise<Listed[]> {
  const lists = await sideBySide([...new Set(hosts)], mostLogins, (host) =>
    list(host).catch((fault: unknown) => {
      onFault(fault)
      return []
    }),
  )
  return lists.flat()
}

/**
 * Lists the VMs of a machine, its name before theirs: `box2:web`. What it complains of goes to `note`. Throws a Failure where it
 * cannot be reached, or gives no list.
 */
export async function listMachine(host: string, { state }: Pick<Place, 'state'>, caller: Asking): Promise<Listed[]> {
  const { status, stdout, stderr } = await askHost({ host, sockets: socketsIn(state) }, ['ls', '--json'], caller, {
    timeoutMs: caller.timeoutMs,
    mostSaid,
  })
  noteAll(host, stderr, caller.note)
  if (status !== 0) throw new Failure(`${host} gives no list: exit status ${status}`, { code: 'HOST_UNREACHABLE' })
  try {
    return asListed(JSON.parse(stdout)).map((vm) => Object.assign(vm, { id: `${host}:${vm.id}` }))
  } catch (error) {
    // What JSON.parse says quotes what it has read.
    throw new Failure(`${host} gives no list`, {
      code: 'HOST_UNREACHABLE',
      cause: error instanceof Failure ? error : new Failure('it is not JSON'),
    })
  }
}

function noteAll(host: string, stderr: string, note: Asking['note']): void {
  const lines = stderr.split('\n', 10 * mostNotes).filter((line) => line !== '')
  for (const line of lines.slice(0, mostNotes)) note(`${host}: ${shorten(line, longestNote)}`)
  if (lines.length > mostNotes) note(`${host}: ... and more`)
}
