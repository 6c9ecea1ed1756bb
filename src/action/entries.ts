// What `ssh-config` and `inventory` share: the VMs that ssh can reach.
import { fullMessage } from '../core/errors.js'
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

/** Those that are named, each of which must be there; else all, where what is wrong with one hides no other. */
export async function entries({ words, outside, note, signal }: CommandContext): Promise<Found[]> {
  const found: Found[] = []
  const add = async (vm: Vm, isNamed: boolean): Promise<void> => {
    const entry = await findEntry(vm, { signal })
    if (entry !== undefined) found.push({ id: vm.id, vmClass: vm.class, entry })
    else if (isNamed) note(`${vm.id}: ssh cannot reach it; why: ${vm.call} ssh`)
  }
  for (const name of words) {
    const vm = await openVm(name, outside)
    if (!(await exists(vm))) throw await noSuchVm(vm, outside)
    await add(vm, true)
  }
  if (words.length > 0) return found
  const tell = (fault: unknown): void => note(fullMessage(fault))
  for (const { id } of await listVms(outside, tell)) {
    await openVm(id, outside)
      .then((vm) => add(vm, false))
      .catch((error: unknown) => {
        signal.throwIfAborted()
        note(`${id}: ${fullMessage(error)}`)
      })
  }
  return found
}
