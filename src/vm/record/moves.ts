// What is written down of a VM that moves from machine to machine, so that whatever is killed, exactly one of them has it. On either
// side a small file stands for the VM's state (`mark`), and a lock says that somebody is at it.
//
// here, where it comes from: `going`: it is still this machine's; `given`: the other has all of it, and may have taken it.
// there, where it goes to: `coming`: nothing of it counts yet. The one step that gives it to that machine is the renaming of this
// mark to `here-TOKEN`; what is asked about a move later, it is asked about its token.
//
// `ID.before` is a record that stood by there (`standby`): the one that comes takes its place, and it comes back where that one does not.
import path from 'node:path'
import { integer, maybe, object, text, truth, type Check } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import type { Place } from '../../host/place.js'
import { list, makePrivateFolder, remove, rename, stat, syncFolder, writeWhole } from '../../sys/file.js'
import { holderOf, isLocked, tryLock, waitLock, type Lock } from '../../sys/lock.js'
import { readPlain } from '../../sys/plain.js'

type Where = Pick<Place, 'records'>

/** A VM, and how its line begins. */
export interface Moving {
  readonly place: Where
  readonly id: string
  readonly call: string
}

export interface Mark {
  readonly phase: 'going' | 'given' | 'coming' | 'here'
  /** Of this one move. */
  readonly token: string
  readonly uuid: string
  /** The other machine, as it is called here, or calls itself. */
  readonly host: string
  /** What it is called there. */
  readonly name: string
  /** Whether its guest ran. */
  readonly ran: boolean
  /** Whether its drives are the same ones at both machines: nobody removes them. */
  readonly shared: boolean
  /** Whether that machine had the VM's record before, off, so that it can start it if need be: both have one afterwards. */
  readonly standby: boolean
  readonly atMs: number
  /** The settings file that came along. */
  readonly file?: string | undefined
  /** That file was there before: how long it was, and is with what was added to it. In bytes. */
  readonly grown?: { readonly from: number; readonly to: number } | undefined
}

const checkMark = object({
  phase: (value: unknown, place: string) => text(value, place) as Mark['phase'],
  token: text,
  uuid: text,
  host: text,
  name: text,
  ran: truth,
  shared: truth,
  standby: truth,
  atMs: integer,
  file: maybe(text),
  grown: maybe(object({ from: integer, to: integer })),
}) satisfies Check<Mark>

const largestBytes = 16 * 1024

/** So many moves that came to their end here are remembered. */
const mostRemembered = 100

const folderOf = ({ records }: Where): string => `${records}/.moves`
const markFile = (place: Where, id: string): string => `${folderOf(place)}/${id}.json`
const lockFile = (place: Where, id: string): string => `${folderOf(place)}/${id}.lock`
/** Where a record is that stood by. */
export const beforeFolder = (place: Where, id: string): string => `${folderOf(place)}/${id}.before`
const hereFile = (place: Where, token: string): string => `${folderOf(place)}/here-${token}`

/** A word that no other move has; digits and small letters. */
export const tokenShape = /^[0-9a-f]{16}$/

export function readMark(place: Where, id: string): Mark | undefined {
  return readFile(markFile(place, id))
}

/** What is known of a move that ended here. */
export function readHere(place: Where, token: string): Mark | undefined {
  return tokenShape.test(token) ? readFile(hereFile(place, token)) : undefined
}

function readFile(file: string): Mark | undefined {
  const found = readPlain(file, largestBytes)
  try {
    return found === undefined ? undefined : checkMark(JSON.parse(found.text), '')
  } catch (error) {
    throw new Failure(`${file} is damaged`, {
      code: 'VM_DAMAGED',
      cause: error,
      hints: ['it says how far the move of a VM came: see both machines'],
    })
  }
}

export function writeMark(place: Where, id: string, mark: Mark): void {
  makePrivateFolder(folderOf(place))
  writeWhole(markFile(place, id), `${JSON.stringify(mark)}\n`)
  syncFolder(folderOf(place))
}

export function removeMark(place: Where, id: string): void {
  if (remove(markFile(place, id))) syncFolder(folderOf(place))
}

/** From here on the VM is this machine's. */
export function commitMark(place: Where, id: string, { token }: Mark): void {
  rename(markFile(place, id), hereFile(place, token))
  syncFolder(folderOf(place))
  const remembered = list(folderOf(place)).filter((name) => name.startsWith('here-'))
  const age = (name: string): number => stat(path.join(folderOf(place), name))?.mtimeMs ?? 0
  for (const name of remembered.toSorted((a, b) => age(b) - age(a)).slice(mostRemembered))
    remove(path.join(folderOf(place), name))
}

/** Its guest goes on here, so nobody need let it. */
export function noteGoesOn(place: Where, mark: Mark): void {
  writeWhole(hereFile(place, mark.token), `${JSON.stringify({ ...mark, ran: false })}\n`)
}

/** Nobody will ask about that move any more. */
export function forgetHere(place: Where, token: string): void {
  if (tokenShape.test(token)) remove(hereFile(place, token))
}

/** The VMs that have a mark; cheap where none has. */
export function markedIds(place: Where): string[] {
  return list(folderOf(place))
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
}

/** Held by whoever moves the VM, or takes it in. Undefined where another does after `timeoutMs`. */
export async function lockMove(place: Where, id: string, doing: string, timeoutMs: number): Promise<Lock | undefined> {
  makePrivateFolder(folderOf(place))
  return timeoutMs === 0 ? tryLock(lockFile(place, id), doing) : waitLock(lockFile(place, id), timeoutMs, 'exclusive', { doing })
}

/** Lets go of it, and leaves no file where no move is under way. */
export function unlockMove(place: Where, id: string, lock: Lock): void {
  if (readMark(place, id) === undefined) {
    const unfinished = list(folderOf(place)).filter((name) => name.startsWith(`${id}.json.`) && name.endsWith('.tmp'))
    for (const name of unfinished) remove(path.join(folderOf(place), name))
    remove(lockFile(place, id))
  }
  lock.release()
}

/** The VMs of which a move has left anything: a mark, what a kill left of one, a lock. Cheap where there is none. */
export function movedIds(place: Where): string[] {
  const shape = /^(?<id>.+?)\.(?:json|lock|json\.\d+\.tmp)$/
  return [...new Set(list(folderOf(place)).flatMap((name) => shape.exec(name)?.groups?.['id'] ?? []))]
}

/** Who moves the VM just now. */
export function moverOf(place: Where, id: string): string {
  const holder = holderOf(lockFile(place, id))
  return holder === undefined ? 'another nbsvm' : `pid ${holder.pid} (${holder.doing})`
}

/** Why nothing is to be done with a VM that moves, or did not come to the end of that; undefined where it is all this machine's. */
export function whyNotOurs({ place, id, call }: Moving): { readonly why: string; readonly hints: readonly string[] } | undefined {
  const mark = readMark(place, id)
  if (mark === undefined) return undefined
  const isMoving = isLocked(lockFile(place, id))
  if (mark.phase === 'coming')
    return isMoving
      ? { why: `it is just coming from ${mark.host}`, hints: [`wait for it: ${call}`] }
      : { why: `it did not come whole from ${mark.host}`, hints: ['clean up: nbsvm ls'] }
  if (isMoving) return { why: `it is being moved to ${mark.host} by ${moverOf(place, id)}`, hints: [] }
  if (mark.phase !== 'given') return undefined
  return {
    why: `it was given to ${mark.host}, and it is not known whether that has it`,
    hints: [`ask it, and finish the move or undo it: ${call} move --settle`],
  }
}
