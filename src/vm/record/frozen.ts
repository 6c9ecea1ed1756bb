// States of a VM that are kept beside its record: RAM, devices and drives of one moment.
import { asObject } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import type { Folded } from '../../config/fold.js'
import type { Place } from '../../host/place.js'
import type { Machine } from '../../model/machine.js'
import type { LastRun } from '../../store/store.js'
import { list, listFolders, lstat, readText, writeWhole } from '../../sys/file.js'
import { recordFolder, type MachineRecord } from './record.js'

/** `frozen.json`. */
export interface Frozen {
  /** Version of this layout. */
  readonly format: typeof frozenFormat
  /** The same for no other: digits. */
  readonly token: string
  /** Whose state it is. */
  readonly vm: string
  /** When, in milliseconds since 1970. */
  readonly atMs: number
  /** What its store calls itself. */
  readonly store: string
  readonly drives: readonly FrozenDrive[]
  readonly record: MachineRecord
  /** Of a VM that sleeps, with drives that other machines reach: its last run. After another one its drives are not what its guest counts on. */
  readonly lastRun?: LastRun
  /** What the guest was doing; absent where it was off. */
  readonly live?: FrozenLive
}

export interface FrozenDrive {
  readonly number: number
  /** The store's name of what it held; pinned under `pinOf`. Empty where the drive itself is kept as it is. */
  readonly base: string
  readonly virtualBytes: number
}

export interface FrozenLive {
  /** Whether it goes on where it is woken; one that was paused stays so. */
  readonly ran: boolean
  /** QEMU's version. */
  readonly qemu: string
  /** The machine as QEMU was started, with the full name of its board. */
  readonly machine: Machine
  /** Its settings as they were written. */
  readonly texts: Folded['texts']
  /** What QEMU calls its RAM. */
  readonly ramId: string
  /** The files `ram` and `devices`. */
  readonly files: { readonly ram: FrozenFile; readonly devices: FrozenFile }
}

/** A file that must stay as it is. */
export interface FrozenFile {
  readonly bytes: number
  readonly sha256: string
  /** As long as this is what the file system says of it, it is not read again. */
  readonly stamp: string
}

export const frozenFormat = 1

/** The state in which a VM sleeps. */
export const savedFolder = (place: Pick<Place, 'records'>, id: string): string => `${recordFolder(place, id)}/saved`

/** A state that others are forked from. The newest is the one: those before it are on their way out. */
export const templateFolder = (place: Pick<Place, 'records'>, id: string, token: string): string =>
  `${recordFolder(place, id)}/template-${token}`

/** A state that is being made, or is being removed. */
export const unfinishedFolder = (place: Pick<Place, 'records'>, id: string, token: string): string =>
  `${recordFolder(place, id)}/.frozen-${token}`

/** In an unfinished folder: its guest ran, and may stand still because of that. */
export const underWay = (folder: string): string => `${folder}/under-way`

/** Where they are. */
export const checkpointsFolder = (place: Pick<Place, 'records'>, id: string): string => `${recordFolder(place, id)}/checkpoints`

/** The states that it can go back to, by the names that the user gave them. */
export function checkpointFolder(place: Pick<Place, 'records'>, id: string, name: string): string {
  return `${checkpointsFolder(place, id)}/${name}`
}

export function checkpointNames(place: Pick<Place, 'records'>, id: string): string[] {
  return listFolders(checkpointsFolder(place, id)).filter((name) => !name.startsWith('.'))
}

/** The folders of its states, whole ones and those that cannot be read. */
export function stateFolders(place: Pick<Place, 'records'>, id: string): string[] {
  return [
    ...templateFolders(place, id),
    ...[savedFolder(place, id)].filter((folder) => lstat(folder) !== undefined),
    ...checkpointNames(place, id).map((name) => checkpointFolder(place, id, name)),
  ]
}

/** The states of a VM, each with its folder. One that cannot be read is none. */
export function frozenStates(place: Pick<Place, 'records'>, id: string): { readonly folder: string; readonly frozen: Frozen }[] {
  return stateFolders(place, id)
    .map((folder) => ({ folder, frozen: quietly(folder) }))
    .filter((state): state is { folder: string; frozen: Frozen } => state.frozen !== undefined)
}

/** What others are forked from; undefined where it never was frozen. */
export function templateOf(
  place: Pick<Place, 'records'>,
  id: string,
): { readonly folder: string; readonly frozen: Frozen } | undefined {
  const all = templateFolders(place, id).flatMap((folder) => {
    const frozen = readFrozen(folder)
    return frozen === undefined ? [] : [{ folder, frozen }]
  })
  return all.toSorted((a, b) => b.frozen.atMs - a.frozen.atMs)[0]
}

export function templateFolders(place: Pick<Place, 'records'>, id: string): string[] {
  return listed(place, id, /^template-[0-9a-f]{16}$/)
}

export function unfinishedFolders(place: Pick<Place, 'records'>, id: string): string[] {
  return listed(place, id, /^\.frozen-[0-9a-f]{16}$/)
}

function listed(place: Pick<Place, 'records'>, id: string, shape: RegExp): string[] {
  const folder = recordFolder(place, id)
  return list(folder)
    .filter((name) => shape.test(name))
    .map((name) => `${folder}/${name}`)
}

function quietly(folder: string): Frozen | undefined {
  try {
    return readFrozen(folder)
  } catch {
    return undefined
  }
}

/** Held by whoever makes, takes or removes a state of the VM; shared by those who only need one to stay. */
export function frozenLock(place: Pick<Place, 'records'>, id: string): string {
  return `${recordFolder(place, id)}/frozen.lock`
}

/** The name under which what the drives held is kept in the store. */
export function pinOf({ token, vm }: Pick<Frozen, 'token' | 'vm'>): string {
  return `frozen-${token}-${vm}`
}

/** Whose pin it is; undefined where it is no state's. */
export function parsePin(name: string): Pick<Frozen, 'token' | 'vm'> | undefined {
  const { token, vm } = /^frozen-(?<token>[0-9a-f]{16})-(?<vm>.+)$/.exec(name)?.groups ?? {}
  return token === undefined || vm === undefined ? undefined : { token, vm }
}

/** What is in a folder; undefined where there is no whole state. Throws a Failure for one that a newer nbsvm made, or that is damaged. */
export function readFrozen(folder: string): Frozen | undefined {
  const file = `${folder}/frozen.json`
  const text = readText(file)
  if (text === undefined) return undefined
  const found = asObject(parse(text))
  if (found?.['format'] === frozenFormat) return found as unknown as Frozen
  throw new Failure(`${file} is damaged, or a newer nbsvm made it`, { code: 'VM_DAMAGED' })
}

export function writeFrozen(folder: string, frozen: Frozen): void {
  writeWhole(`${folder}/frozen.json`, `${JSON.stringify(frozen, undefined, 2)}\n`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
