// What is written down, and left behind, before a VM goes.
import { randomHex } from '../../sys/stamp.js'
import type { Store } from '../../store/store.js'
import type { Mark } from '../record/moves.js'
import type { Vm } from '../record/vm.js'
import type { OnProgress } from '../../store/store.js'
import type { Outside } from '../../host/place.js'
import { wordsOf } from '../record/words.js'
import type { Partner } from './dialogue.js'
import type { Leaving } from './leave.js'
import { ownFile } from './parcel.js'
import type { Answer } from './receive.js'

/** How long a guest may stand still where nothing else is said. What QEMU guesses for the rest of the RAM is a part of what is seen. */
export const usualDowntimeMs = 100

export interface MoveOptions {
  /** As ssh takes it. */
  readonly host: string
  /** What it is called there, if not as here. */
  readonly name?: string | undefined
  /** How long the guest may stand still; QEMU waits for a moment when it can be as short. */
  readonly downtimeMs: number
}

export interface MoveCaller extends Leaving {
  readonly outside: Outside
  readonly onProgress: OnProgress
}

export interface Moved {
  /** `stays`: a move that was cut off before is undone; `undone`: one to here. */
  readonly result: 'moved' | 'was there' | 'stays' | 'undone'
  readonly host: string
  /** How long its guest stood still, as it was seen from here; null where it was off or paused. */
  readonly stoodStillMs: number | null
}

/** The mark of a move that begins. */
export function newMark(uuid: string, { machine, name }: Partner, { isShared }: Store, ran: boolean): Mark {
  const token = randomHex(8)
  return { phase: 'going', token, uuid, host: machine.host, name, ran, shared: isShared, standby: false, atMs: Date.now() }
}

/** What the other side has of it. */
export type Have = Pick<Extract<Answer, { say: 'have' }>, 'tookFile' | 'standby'>

/** The mark once all of it has come there: with what is to be removed here. */
export function givenMark(vm: Vm, mark: Mark, { tookFile, standby }: Have): Mark {
  return { ...mark, standby, file: tookFile && !standby ? ownFile(vm) : undefined }
}

/** What is run where this process is killed, be it nbsvm or a program that has it as its library: it finishes the move, or undoes it. */
export function settling(vm: Vm): string[] {
  return [...wordsOf(vm), 'move', '--settle']
}
