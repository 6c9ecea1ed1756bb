// The side that a VM goes from: how it is given away, and what becomes of a move that was cut off.
import type { Caller } from '../../core/caller.js'
import { asObject } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import type { Machine } from '../../remote/connection.js'
import { askHost } from '../../remote/ask.js'
import { undoMigration } from '../../qemu/migration.js'
import { withJobs } from '../../qemu/jobs.js'
import { deadlineIn, pause } from '../../sys/clock.js'
import { appendText, remove } from '../../sys/file.js'
import { journalLine } from '../../qemu/journal.js'
import { endAndRemove } from '../life/remove.js'
import { stopVm } from '../life/stop.js'
import { readMark, removeMark, writeMark, type Mark } from '../record/moves.js'
import { qemuPid } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import { wordsOf } from '../record/words.js'
import type { Dialogue } from './dialogue.js'

/** Nobody knows which machine has the VM; it runs on neither. */
class InDoubt extends Failure {
  override readonly code = 'MOVE_UNDECIDED'
}

const inDoubtStatus = 4

/** A connection that broke, or an nbsvm that was killed, is got over within this time; then the user is told. */
const askMs = 30_000
const askAgainMs = 500

const qmpTimeoutMs = 30_000

/** Its guest stands still, and all that the other side has to do is to rename a file and let it go on. */
const doneTimeoutMs = 30_000

export interface Leaving extends Caller {
  /** Called before anything of the VM is removed here: what else knows of it. */
  readonly beforeRemoval: () => Promise<void>
}

/**
 * Gives the VM away: from here on it is not this machine's, unless the other says that it has not taken it. Resolves when the other
 * has it; throws what went wrong where it stays, and InDoubt where nobody knows.
 */
export async function give(vm: Vm, mark: Mark, to: { readonly machine: Machine; readonly dialogue: Dialogue }): Promise<void> {
  writeMark(vm.place, vm.id, { ...mark, phase: 'given' })
  const limit = AbortSignal.timeout(doneTimeoutMs)
  try {
    await to.dialogue.say('go')
    await to.dialogue.expect('done', limit)
  } catch (error) {
    if (limit.aborted) to.dialogue.tell(`${mark.host} does not say that it has ${vm.id}: it is asked again`)
    await to.dialogue.close()
    if (await isThere(vm, mark, to.machine)) return
    writeMark(vm.place, vm.id, { ...mark, phase: 'going' })
    throw limit.aborted
      ? new Failure(`${mark.host} did not take it within ${doneTimeoutMs / 1000} s`, { code: 'TIMEOUT' })
      : error
  }
}

/** Asks the other machine whether it has taken the VM; if it has not, it never will. Throws InDoubt where it cannot be asked. */
async function isThere(vm: Vm, mark: Mark, machine: Machine): Promise<boolean> {
  for (const deadline = deadlineIn(askMs); ; await pause(askAgainMs)) {
    try {
      return await askOnce(vm, mark, machine)
    } catch (error) {
      if (!deadline.isOver) continue
      throw new InDoubt(`nobody knows whether ${mark.host} has ${vm.id}: it cannot be asked`, {
        cause: error,
        exitStatus: inDoubtStatus,
        hints: [
          `it runs on neither until that is known; ask again: ${vm.call} move --settle`,
          `if ${mark.host} is gone for good: ${vm.call} move --keep`,
        ],
      })
    }
  }
}

async function askOnce(vm: Vm, mark: Mark, machine: Machine): Promise<boolean> {
  const words = [...wordsOf({ name: mark.name, class: vm.class }), 'receive', `--settle=${mark.token}`]
  const { status, stdout, stderr } = await askHost(machine, words, {})
  const last = stdout.trim().split('\n').at(-1) ?? ''
  const here = status === 0 ? asObject(parse(last))?.['here'] : undefined
  if (typeof here === 'boolean') return here
  throw new Failure(`${machine.host} does not say: ${stderr.trim() || `exit status ${status}`}`, { code: 'MOVE_UNDECIDED' })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Ends the VM here, for the other machine has it, and removes what is not to stand by. */
export async function leave(vm: Vm, mark: Mark, { beforeRemoval }: Leaving): Promise<void> {
  await beforeRemoval()
  if (mark.standby) {
    await stopVm(vm)
    noteGone(vm, mark)
  } else await endAndRemove(vm, { keepsDrives: mark.shared })
  forget(vm, mark)
}

/** So that `status` tells why it does not run here. */
export function noteGone({ drawer }: Vm, { host }: Mark): void {
  try {
    appendText(drawer.journal, journalLine({ nbsvm: 'stopping', at: Date.now(), by: `move to ${host}` }))
  } catch {
    // The disk may be full; it is gone nevertheless.
  }
}

/** The last of it. */
export function forget({ place, id }: Vm, { file }: Mark): void {
  if (file !== undefined) remove(file)
  removeMark(place, id)
}

interface Staying {
  readonly dialogue: Dialogue | undefined
  readonly signal?: AbortSignal | undefined
  /** Lets its guest go on. */
  readonly goOn?: () => Promise<void>
}

/** Takes back the mark of a move that failed, unless the VM is given away or nobody knows. Returns the error to throw. */
export async function stays(vm: Vm, error: unknown, { dialogue, signal, goOn }: Staying): Promise<unknown> {
  const mark = readMark(vm.place, vm.id)
  if (mark === undefined || mark.phase === 'given') return error
  await goOn?.()
  await dialogue?.close()
  removeMark(vm.place, vm.id)
  if (signal?.aborted === true) return error
  const hints = error instanceof Failure ? error.hints : []
  return new Failure(`${vm.id} stays here: it cannot be moved to ${mark.host}`, { code: 'MOVE_IMPOSSIBLE', cause: error, hints })
}

/** The guest goes on here, as if nothing had been. Nothing is done where no QEMU runs. */
async function goOnHere({ id, drawer }: Vm, { ran }: Pick<Mark, 'ran'>): Promise<void> {
  if (qemuPid(drawer) === undefined) return
  const job = { socket: drawer.jobs, lock: drawer.jobsLock, doing: `undo the move of ${id}` }
  await withJobs(job, { timeoutMs: qmpTimeoutMs }, (qmp) => undoMigration(qmp, { ran }))
}

/** Finishes a move that was cut off, or undoes it: says which. The move's lock is held. Throws InDoubt where nobody knows. */
export async function settleMove(vm: Vm, mark: Mark, machine: Machine, leaving: Leaving): Promise<'moved' | 'stays'> {
  if (mark.phase === 'given' && (await isThere(vm, mark, machine))) {
    await leave(vm, mark, leaving)
    return 'moved'
  }
  await goOnHere(vm, mark)
  // What is half made there goes by itself, at the next look at the latest.
  if (mark.phase === 'going') await askOnce(vm, mark, machine).catch(() => {})
  removeMark(vm.place, vm.id)
  return 'stays'
}
