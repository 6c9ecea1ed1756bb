// The states that are kept of a VM: made, found and removed by one at a time.
import path from 'node:path'
import type { Caller } from '../../core/caller.js'
import { Failure, messageOf } from '../../core/errors.js'
import type { Store } from '../../store/store.js'
import { makePrivateFolder, rename, syncFolder } from '../../sys/file.js'
import { holderOf, joinLock, waitLock, type Hold } from '../../sys/lock.js'
import { removeTree } from '../../sys/removal.js'
import { randomHex } from '../../sys/stamp.js'
import {
  frozenLock,
  frozenStates,
  parsePin,
  pinOf,
  readFrozen,
  stateFolders,
  unfinishedFolder,
  unfinishedFolders,
} from '../record/frozen.js'
import { unmarkStates } from '../record/marks.js'
import { sweepRecord } from '../record/record.js'
import type { Vm } from '../record/vm.js'

type Subject = Pick<Vm, 'id' | 'place'>

/** Whoever has it makes a state of gigabytes, maybe; that is for the user to wait for. */
const lockWaitMs = 2000

/** Keeps others from the VM's states meanwhile; `shared`: from changing them. */
export async function withStates<T>(
  { id, place }: Subject,
  { doing, hold, signal }: { readonly doing: string; readonly hold: Hold } & Caller,
  work: () => Promise<T>,
): Promise<T> {
  const file = frozenLock(place, id)
  const lock = await (hold === 'shared' ? joinLock : waitLock)(file, lockWaitMs, hold, { doing, signal })
  if (lock === undefined) {
    const holder = holderOf(file)
    const who = holder === undefined ? 'another nbsvm' : `pid ${holder.pid} (${holder.doing})`
    throw new Failure(`cannot ${doing}: ${who} is at work on the states of ${id}`, { code: 'BUSY' })
  }
  try {
    return await work()
  } finally {
    lock.release()
  }
}

/**
 * Makes a state: `work` writes it into a folder that nobody sees, which then gets its own name in one step. Where it fails nothing
 * stays. The caller is in `withStates`.
 */
export async function makeState<T>(
  vm: Subject,
  store: Store,
  nameOf: (token: string) => string,
  work: (folder: string, token: string) => Promise<T>,
): Promise<T> {
  await sweepStates(vm, store)
  const token = randomHex(8)
  const folder = unfinishedFolder(vm.place, vm.id, token)
  makePrivateFolder(folder)
  try {
    const made = await work(folder, token)
    move(folder, nameOf(token))
    return made
  } catch (error) {
    await sweepStates(vm, store).catch(() => {})
    throw error
  }
}

/**
 * Removes states: at once for everybody, then file by file. What of them cannot be removed now is none any more, and goes with the next
 * command. The caller is in `withStates`.
 */
export async function removeStates(vm: Subject, store: Store, folders: readonly string[], note?: Caller['note']): Promise<void> {
  for (const folder of folders) putAside(vm, folder)
  await sweepLater(vm, store, note)
}

/** Sweeps after what was asked for has been done: that it cannot is no failure of that. */
export async function sweepLater(vm: Subject, store: Store, note: Caller['note']): Promise<void> {
  await sweepStates(vm, store).catch((error: unknown) =>
    note?.(`what is left of states of ${vm.id} goes with the next command, it cannot be removed now: ${messageOf(error)}`),
  )
}

/** Makes a folder that counts one that is on its way out, in one step. Returns what undoes that. */
export function putAside({ id, place }: Subject, folder: string): () => void {
  const aside = unfinishedFolder(place, id, randomHex(8))
  move(folder, aside)
  return () => move(aside, folder)
}

/** Gives a folder another name, on the disk too. Where that fails it has the one that it had, and whoever asked may count on that. */
function move(from: string, to: string): void {
  rename(from, to)
  try {
    for (const folder of new Set([to, from].map((name) => path.dirname(name)))) syncFolder(folder)
  } catch (error) {
    rename(to, from)
    throw error
  }
}

/** Of what an unfinished folder may be: the state that was to be made there, or one that was there already when it was put aside. */
function tokensOf(folder: string): string[] {
  const token = folder.slice(-16)
  try {
    return [token, readFrozen(folder)?.token ?? token]
  } catch {
    return [token]
  }
}

/** Removes what is left of states that were never whole, or are none any more. The caller is in `withStates`. */
export async function sweepStates({ id, place }: Subject, store: Store): Promise<void> {
  const states = frozenStates(place, id)
  const kept = new Set(states.map(({ frozen }) => pinOf(frozen)))
  const unfinished = unfinishedFolders(place, id)
  // What one counts on that cannot be read, as a newer nbsvm made it, nobody knows.
  const isKnown = states.length === stateFolders(place, id).length
  // A VM of the same name on another machine may have states there: of a store that both reach only what was begun here is ours.
  const own = store.isShared ? new Set(unfinished.flatMap(tokensOf).map((token) => pinOf({ token, vm: id }))) : undefined
  const pins = (own === undefined ? isKnown : own.size > 0) ? await store.pins() : []
  for (const { name, base } of pins)
    if (parsePin(name)?.vm === id && !kept.has(name) && own?.has(name) !== false) await store.release(base, name)
  for (const folder of unfinished) removeTree(folder)
  await sweepRecord(place, id)
  unmarkStates(place, id)
}
