// The VMs of other machines, as their own nbsvm lists them. What comes from there is looked at before it is believed.
import { integer, list, object, text, type Check } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import type { Place } from '../../host/place.js'
import { askHost } from '../../remote/call.js'
import { socketsIn } from '../../remote/connection.js'
import type { Listed } from './list.js'

const orNull =
  <T>(check: Check<T>): Check<T | null> =>
  (value, where) =>
    value === undefined || value === null ? null : check(value, where)

/** Fields that another version does not have, or does not know of, are null. */
const asListed = list(
  object({
    id: text,
    class: orNull(text),
    name: text,
    state: oneState,
    pid: orNull(integer),
    sinceMs: orNull(integer),
    memBytes: orNull(integer),
    forwards: list(object({ address: text, hostPort: integer, guestPort: integer, protocol: oneProtocol })),
    drives: list(text),
    image: orNull(text),
    fault: orNull(text),
  }),
)

const states = ['running', 'paused', 'busy', 'stopped', 'unknown'] as const

function oneState(value: unknown): Listed['state'] {
  return states.find((state) => state === value) ?? 'unknown'
}

function oneProtocol(value: unknown): 'tcp' | 'udp' {
  return value === 'udp' ? 'udp' : 'tcp'
}

/**
 * Lists the VMs of a machine, its name before theirs: `box2:web`. What it complains of goes to `note`. Throws a Failure where it
 * cannot be reached, or gives no list.
 */
export async function listMachine(
  host: string,
  { state }: Pick<Place, 'state'>,
  caller: { readonly signal: AbortSignal; readonly note: (text: string) => void },
): Promise<Listed[]> {
  const { status, stdout, stderr } = await askHost({ host, sockets: socketsIn(state) }, ['ls', '--json'], caller)
  for (const line of stderr.split('\n').filter((one) => one !== '')) caller.note(`${host}: ${line}`)
  if (status !== 0) throw new Failure(`${host} gives no list: exit status ${status}`)
  try {
    return asListed(JSON.parse(stdout), '').map((vm) => Object.assign(vm, { id: `${host}:${vm.id}` }))
  } catch (error) {
    throw new Failure(`${host} gives no list`, { cause: error })
  }
}
