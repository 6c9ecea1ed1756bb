// The side that a VM comes to. What is sent is read from a stream; whoever moves it reads answers, a JSON object a line.
import { orAborted, type Caller } from '../../core/caller.js'
import { Failure, fullMessage, messageOf } from '../../core/errors.js'
import type { Outside } from '../../host/place.js'
import { journalLine } from '../../qemu/journal.js'
import type { Qmp } from '../../qemu/qmp.js'
import { appendText, lstat, stat } from '../../sys/file.js'
import { removeTree } from '../../sys/removal.js'
import { claimDrawer } from '../record/drawer.js'
import {
  beforeFolder,
  commitMark,
  forgetHere,
  lockMove,
  moverOf,
  noteGoesOn,
  readMark,
  unlockMove,
  writeMark,
  type Mark,
} from '../record/moves.js'
import { qemuPid } from '../record/state.js'
import { storeOf } from '../record/stores.js'
import { openVm, type Vm } from '../record/vm.js'
import type { Drive } from '../../model/drive.js'
import type { Store } from '../../store/store.js'
import { admit, refuseRunning, type Admission } from './admission.js'
import { adopt, keepSettings, makeDrives } from './arrival.js'
import { takeDrives } from './drivedata.js'
import { goOn, startIncoming, untilCame, withIncoming, type Doors } from './incoming.js'
import { ownFile, readParcel, type Parcel } from './parcel.js'
import { undoArrival } from './removal.js'
import { Reader, type Frame } from './wire.js'

/** What is said to whoever moves the VM. */
export type Answer =
  | { readonly say: 'note'; readonly text: string }
  /** It may send: drives that are off as frames, else through sockets in this folder. */
  | { readonly say: 'ready'; readonly folder: string; readonly doors: Doors | null }
  /** All has come, and nothing of it counts until `go`. */
  | { readonly say: 'have'; readonly tookFile: boolean; readonly standby: boolean }
  /** It is this machine's. */
  | { readonly say: 'done' }
  | { readonly say: 'failed'; readonly why: string; readonly hints: readonly string[] }

export interface Receiving extends Caller {
  readonly outside: Outside
  /** What comes. */
  readonly input: AsyncIterable<Buffer>
  readonly answer: (answer: Answer) => void
}

export interface Received {
  readonly id: string
  readonly from: string
  /** Settings that were added to its file, so that it stays the machine that it is. */
  readonly added: readonly string[]
  /** Whether the settings file that came along is its file now. */
  readonly tookFile: boolean
}

/** Takes in the VM that is sent, under the name of `asked`. Rejects with a Failure where it does not come whole; nothing of it stays. */
export async function receiveVm(asked: Vm, receiving: Receiving): Promise<Received> {
  const { input, answer, note } = receiving
  const reader = new Reader(untilAborted(input, receiving.signal))
  let isAnswered = false
  try {
    const parcel = readParcel(await reader.header())
    isAnswered = parcel.kind === 'move'
    const { signal } = receiving
    const fill: Fill = ({ drawer }, _, drives) => takeDrives(drives, reader, { folder: drawer.folder, signal })
    return await take(
      asked,
      parcel,
      { reader, fill },
      {
        ...receiving,
        answer: isAnswered ? answer : () => {},
        note: isAnswered ? (text) => answer({ say: 'note', text }) : note,
      },
    )
  } catch (error) {
    if (isAnswered) answer({ say: 'failed', why: fullMessage(error), hints: error instanceof Failure ? error.hints : [] })
    throw error
  }
}

/** Writes what the drives of a VM hold that is just made, empty but for its record, and what stands beside that. */
export type Fill = (vm: Vm, store: Store, drives: readonly Drive[]) => Promise<void>

/**
 * Makes a VM of what does not come from another nbsvm as it is sent: the parcel says which, `fill` brings the rest. Until that has
 * been done the VM is none; where it fails, or this is killed, nothing of it stays. `last` is what may fail when all else is there; it
 * leaves nothing where it does.
 */
export async function makeOf(
  asked: Vm,
  parcel: Parcel,
  { fill, last }: { readonly fill: Fill; readonly last?: Coming['last'] },
  caller: Caller & Pick<Receiving, 'outside'>,
): Promise<Received> {
  const reader = { frame: () => Promise.resolve(undefined) }
  return take(asked, parcel, { reader, fill, last }, { ...caller, answer: () => {} })
}

/** What comes, until nobody waits for it any more. */
export async function* untilAborted(input: AsyncIterable<Buffer>, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const pieces = input[Symbol.asyncIterator]()
  for (;;) {
    const { done, value } = await orAborted(pieces.next(), signal)
    if (done === true) return
    yield value
  }
}

/** A move that was cut off just now is undone within this time. */
const undoneMs = 20_000

type Taking = Omit<Receiving, 'input'>
type Feed = Pick<Coming, 'reader' | 'fill' | 'last'>

async function take(asked: Vm, parcel: Parcel, feed: Feed, receiving: Taking): Promise<Received> {
  const { outside } = receiving
  const { place, id } = asked
  // Its mover holds the lock until we have answered.
  if (readMark(place, id)?.token === parcel.token)
    throw new Failure('that leads back to the very machine that it is on', { code: 'MOVE_IMPOSSIBLE' })
  const lock = await lockMove(place, id, `take in ${id}`, undoneMs)
  if (lock === undefined) throw new Failure(`cannot take in ${id}: ${moverOf(place, id)} is at it`, { code: 'BUSY' })
  try {
    const left = readMark(place, id)
    if (left?.phase === 'coming') await undoArrival(await openVm(id, { ...outside, line: {}, vmClass: undefined }), left)
    return await takeLocked(asked, parcel, feed, receiving)
  } finally {
    unlockMove(place, id, lock)
  }
}

async function takeLocked(asked: Vm, parcel: Parcel, feed: Feed, receiving: Taking): Promise<Received> {
  const { outside } = receiving
  const { place, id, name, class: vmClass } = asked
  const { live, settings } = parcel
  // As it was started where it is now, or will be started next.
  const line = live === undefined ? settings : { ...live.movable.settings, tpm: live.movable.machine.tpm ? 'yes' : 'no' }
  const vm = await openVm(name, { ...outside, vmClass, line: { ...line, ...outside.line } })
  const store = await storeOf(vm)
  const { standby, shared } = await admit(vm, store, parcel)
  const mark: Mark = {
    phase: 'coming',
    token: parcel.token,
    uuid: parcel.record.uuid,
    host: parcel.from,
    name: id,
    ran: live?.ran === true,
    shared: parcel.sharedStore !== undefined,
    standby,
    atMs: Date.now(),
  }
  // Of a move that came to its end.
  removeTree(beforeFolder(place, id))
  writeMark(place, id, mark)
  try {
    // Whoever starts it from now on sees the mark.
    refuseRunning(vm)
    await adopt(vm, parcel, mark)
    claimDrawer(vm.drawer)
    return live === undefined
      ? await takeOff(vm, store, parcel, { ...feed, receiving, mark })
      : await takeLive(vm, store, { ...parcel, live }, { ...feed, receiving, mark, shared })
  } catch (error) {
    // Where it was committed, it is this machine's, whatever failed after that.
    if (readMark(place, id)?.token === mark.token) await undoArrival(vm, readMark(place, id) ?? mark)
    throw error
  }
}

interface Coming {
  readonly reader: Pick<Reader, 'frame'>
  readonly fill: Fill
  /** The last that is done before it counts. */
  readonly last?: ((vm: Vm) => Promise<void>) | undefined
  readonly receiving: Taking
  readonly mark: Mark
}

/** One that is off. */
async function takeOff(vm: Vm, store: Store, parcel: Parcel, coming: Coming): Promise<Received> {
  const { reader, receiving, fill, last } = coming
  const { answer } = receiving
  const drives = parcel.sharedStore === undefined ? await makeDrives(vm, store, parcel) : []
  answer({ say: 'ready', folder: vm.drawer.folder, doors: null })
  await fill(vm, store, drives)
  const received = await takeSettings(vm, parcel, coming)
  if (parcel.kind === 'move') {
    answer({ say: 'have', tookFile: received.tookFile, standby: coming.mark.standby })
    await awaitGo(reader.frame())
  }
  await last?.(vm)
  commit(vm, coming.mark, parcel)
  answer({ say: 'done' })
  if (parcel.kind === 'move') await awaitBye(vm, coming)
  else forgetHere(vm.place, coming.mark.token)
  removeTree(beforeFolder(vm.place, vm.id))
  return received
}

/** One that runs. */
async function takeLive(
  vm: Vm,
  store: Store,
  parcel: Parcel & { live: object },
  coming: Coming & Pick<Admission, 'shared'>,
): Promise<Received> {
  const { reader, receiving, mark, shared } = coming
  const { answer, signal, note } = receiving
  if (parcel.sharedStore === undefined) await makeDrives(vm, store, parcel)
  await startIncoming(vm, parcel.live, parcel, { signal, note })
  const short = parcel.token.slice(0, 8)
  const doors = { ram: `ram-${short}`, drives: `drives-${short}` }
  const numbers = parcel.sharedStore === undefined ? parcel.drives.map(({ number }) => number) : []
  const received = await takeSettings(vm, parcel, coming)
  await withIncoming(vm, doors, numbers, async (qmp) => {
    answer({ say: 'ready', folder: vm.drawer.run, doors })
    const next = reader.frame()
    await cameBefore(next, qmp, signal)
    if (numbers.length > 0) await qmp.execute('nbd-server-stop')
    answer({ say: 'have', tookFile: received.tookFile, standby: mark.standby })
    await awaitGo(next)
    commit(vm, mark, parcel)
    await goOn(qmp, mark.ran)
    answer({ say: 'done' })
    noteGoesOn(vm.place, mark)
  })
  await awaitBye(vm, coming)
  removeTree(beforeFolder(vm.place, vm.id))
  const pid = qemuPid(vm.drawer)
  if (pid !== undefined) await store.noteMoved?.(shared, pid).catch((error: unknown) => note?.(messageOf(error)))
  return received
}

/** Waits until QEMU has all, unless whoever sends it is gone before. */
async function cameBefore(next: Promise<Frame | undefined>, qmp: Qmp, signal: AbortSignal | undefined): Promise<void> {
  const over = new AbortController()
  const stop = (): void => over.abort(signal?.reason)
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted === true) stop()
  const lost = next.then(() => {
    throw new Failure('whoever moves it has given up')
  })
  lost.catch(() => {})
  try {
    await Promise.race([untilCame(qmp, over.signal), lost])
  } finally {
    over.abort()
    signal?.removeEventListener('abort', stop)
  }
}

async function awaitGo(next: Promise<Frame | undefined>): Promise<void> {
  const frame = await next
  if (frame?.kind !== 'word' || frame.word !== 'go') throw new Failure('whoever moves it has given up')
}

/** The one step that makes it this machine's. */
function commit(vm: Vm, mark: Mark, { ended }: Parcel): void {
  commitMark(vm.place, vm.id, mark)
  try {
    appendText(vm.drawer.journal, journalLine({ nbsvm: 'moved', at: Date.now(), from: mark.host, ended }))
  } catch {
    // The disk may be full; it is here nevertheless.
  }
}

/** Until then the other side may ask once more whether it is here. */
async function awaitBye({ place }: Vm, { reader, mark }: Coming): Promise<void> {
  const frame = await reader.frame().catch(() => undefined)
  if (frame?.kind === 'word' && frame.word === 'bye') forgetHere(place, mark.token)
}

/** Writes its settings, which come last of what can fail, and notes that they are to go where the move fails nevertheless. */
async function takeSettings(vm: Vm, parcel: Parcel, { receiving, mark }: Coming): Promise<Received> {
  const file = ownFile(vm)
  const isNew = file !== undefined && lstat(file) === undefined
  if (isNew) writeMark(vm.place, vm.id, { ...mark, file })
  const from = file === undefined ? undefined : stat(file)?.size
  const added = await keepSettings(vm, parcel, receiving.outside)
  const to = file === undefined ? undefined : stat(file)?.size
  if (!isNew && from !== undefined && to !== undefined) writeMark(vm.place, vm.id, { ...mark, file, grown: { from, to } })
  return { id: vm.id, from: parcel.from, added, tookFile: isNew }
}
