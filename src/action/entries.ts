// What `ssh-config` and `inventory` share: the VMs that ssh can reach.
import { Failure, fullMessage } from '../core/errors.js'
import { parseTarget } from '../core/target.js'
import { listVms } from '../vm/list/list.js'
import { noSuchVm, exists } from '../vm/list/exists.js'
import { openVm, type Vm } from '../vm/record/vm.js'
import { findEntry } from '../vm/reach/ssh.js'
import type { SshEntry } from '../vm/reach/sshentry.js'
import type { CommandContext } from './verb.js'

export interface Found {
  readonly id: string
  readonly vmClass: string | undefined
  readonly entry: SshEntry
}

/**
 * Those that are named, each of which must be there, and all of the machines that are (`HOST:`, `:` for this one); without any, all of
 * this one. What is wrong with one that is not named hides no other.
 */
export async function entries(context: CommandContext): Promise<Found[]> {
  const { words } = context
  if (words.length === 0) return allHere(context)
  const found: Found[] = []
  for (const [host, names] of byMachine(words)) {
    if (host !== undefined) found.push(...(await entriesOf(host, names, context)))
    else found.push(...(names.includes('') ? await allHere(context) : await named(names, context)))
  }
  return found
}

function byMachine(words: readonly string[]): Map<string | undefined, string[]> {
  const machines = new Map<string | undefined, string[]>()
  for (const word of words) {
    const { host, name } = word === ':' ? { host: undefined, name: '' } : parseTarget(word)
    machines.set(host, [...(machines.get(host) ?? []), name])
  }
  return machines
}

async function named(names: readonly string[], context: CommandContext): Promise<Found[]> {
  const { outside, note } = context
  const found: Found[] = []
  for (const name of names) {
    const vm = await openVm(name, outside)
    if (!(await exists(vm))) throw await noSuchVm(vm, outside)
    const one = await entryOf(vm, context)
    if (one === undefined) note(`${vm.id}: ssh cannot reach it; why: ${vm.call} ssh`)
    else found.push(one)
  }
  return found
}

async function entryOf(vm: Vm, { signal }: CommandContext): Promise<Found | undefined> {
  const entry = await findEntry(vm, { signal })
  return entry === undefined ? undefined : { id: vm.id, vmClass: vm.class, entry }
}

async function allHere(context: CommandContext): Promise<Found[]> {
  const { outside, note, signal } = context
  const found: Found[] = []
  for (const { id } of await listVms(outside, (fault: unknown) => note(fullMessage(fault)))) {
    await openVm(id, outside)
      .then(async (vm) => {
        const one = await entryOf(vm, context)
        return one === undefined ? 0 : found.push(one)
      })
      .catch((error: unknown) => {
        signal.throwIfAborted()
        note(`${id}: ${fullMessage(error)}`)
      })
  }
  return found
}

/** Those of another machine, through it: all of them where the names are none. */
async function entriesOf(host: string, names: readonly string[], { outside, note, signal }: CommandContext): Promise<Found[]> {
  const { askHost } = await import('../remote/ask.js')
  const { socketsIn } = await import('../remote/connection.js')
  const { asToldEntries, jumpEntry, nameThere } = await import('../vm/reach/jump.js')
  const machine = { host, sockets: socketsIn(outside.place.state) }
  const words = ['ssh-config', '--json', ...(names.includes('') ? [] : names)]
  const { status, stdout, stderr } = await askHost(machine, words, { signal, note })
  for (const line of stderr.split('\n').filter((one) => one !== '')) note(`${host}: ${line}`)
  if (status !== 0) throw new Failure(`${host} does not say how its VMs are reached: exit status ${status}`)
  try {
    return asToldEntries(JSON.parse(stdout), '').map((told) => ({
      id: nameThere(told, host),
      vmClass: told.class ?? undefined,
      entry: jumpEntry(told, host),
    }))
  } catch (error) {
    throw new Failure(`${host} does not say how its VMs are reached`, { cause: error })
  }
}
