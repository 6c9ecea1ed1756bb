// The drives of a running VM as they are at one moment. QEMU brings them there in one transaction: from then on, before its guest
// overwrites something, what was there goes into a file beside (`backup0`), through which we read; and a dirty bitmap begins in each drive.
// That file has no name any more by then, so nothing of it outlives QEMU, and nothing that becomes of this process is felt by the guest.
import { Failure, messageOf } from '../../core/errors.js'
import { Nbd } from '../../qemu/nbd.js'
import { withJobs } from '../../qemu/jobs.js'
import type { Arguments, Qmp } from '../../qemu/qmp.js'
import type { Drive } from '../../model/drive.js'
import type { Store } from '../../store/store.js'
import { deadlineIn, monotonicMs, pause } from '../../sys/clock.js'
import { giveTo, remove, rename, stat } from '../../sys/file.js'
import { runOrFail } from '../../sys/process.js'
import { nodeOf } from '../drive/live.js'
import { extentsServed, writtenSince, type Served } from '../move/image.js'
import { refuseSince01 } from '../record/drawer.js'
import type { Vm } from '../record/vm.js'
import { copiesIn, copyName, granularity, superfluous, type Bitmap } from './bitmaps.js'
import { letFilesGo, whileFilesStand } from './files.js'
import { keepsBitmaps } from './filebitmaps.js'
import { whyNotSame, type Before, type Moment, type Source } from './source.js'

const answerTimeoutMs = 60_000
/** The guest's file systems may stand still for it. */
const switchTimeoutMs = 10_000
const goneTimeoutMs = 10_000
const lookMs = 1000

const socket = 'backup.sock'
const ours = /^backup(?:file)?\d+$/

export interface Taking {
  readonly folderId: string
  /** The bitmap that begins now. */
  readonly bitmap: string
  readonly atMs: number
  readonly before: Before | undefined
  /** Whether the file systems of its guest are to stand still at that moment. */
  readonly standing: boolean
  readonly note: (text: string) => void
  readonly signal: AbortSignal | undefined
}

/** `work` gets the drives, and resolves when what it makes of them counts. */
type Work<T> = (moment: Moment, signal: AbortSignal) => Promise<T>

interface Node {
  readonly drive: Drive
  /** What its guest writes to. */
  readonly name: string
  readonly bitmaps: readonly Bitmap[]
  readonly sizeBytes: number
}

/** Brings the drives of a running VM to one moment, for as long as `work` takes. */
export async function withLiveMoment<T>(vm: Vm, store: Store, taking: Taking, work: Work<T>): Promise<T> {
  const { id, drawer } = vm
  refuseSince01(drawer)
  const job = { socket: drawer.jobs, lock: drawer.jobsLock, doing: `back up ${id}` }
  // Aborting must not end the session: it is needed to clear up.
  return withJobs(job, { timeoutMs: answerTimeoutMs }, async (qmp) => {
    await letFilesGo(vm, taking)
    await clearBackup(qmp)
    const { status } = await qmp.execute('query-status')
    const nodes = await nodesOf(vm, store, qmp)
    let isDone = false
    try {
      const begun = await begin(vm, qmp, nodes, taking)
      const result = await whileRunning(qmp, status === 'running', taking.signal, async (signal) => {
        const opened = await openSources(vm, nodes, taking, signal)
        try {
          return await work({ ...begun, sources: opened.sources }, signal)
        } finally {
          opened.close()
        }
      })
      isDone = true
      return result
    } finally {
      await end(vm, qmp, nodes, taking, { isDone, ran: status === 'running' })
    }
  })
}

async function nodesOf({ id, call }: Vm, store: Store, qmp: Qmp): Promise<Node[]> {
  const drives = await store.drives(id)
  const all = await qmp.execute('query-named-block-nodes', { flat: true })
  const nodes: Node[] = []
  for (const drive of drives) {
    const name = await nodeOf(qmp, drive)
    if (name === undefined)
      throw new Failure(`cannot back up ${id}: it runs without ${drive.name}`, {
        hints: [`start it with all its drives: ${call} shutdown start`, `or back it up while it is off: ${call} shutdown`],
      })
    const found = all.find((node) => node['node-name'] === name)?.['dirty-bitmaps'] ?? []
    const bitmaps = found.flatMap(({ name: bitmap, recording, inconsistent }) =>
      bitmap === undefined ? [] : [{ name: bitmap, isRight: recording && inconsistent !== true }],
    )
    const { virtualBytes: sizeBytes } = await store.size(drive)
    nodes.push({ drive, name, bitmaps, sizeBytes })
  }
  return nodes
}

const fleeceOf = ({ drive }: Pick<Node, 'drive'>): string => `backup${drive.number}`

/** Why what was written since is not known; undefined where it is. */
function whyUnknown({ drive, bitmaps }: Node, before: Before | undefined): string | undefined {
  if (before === undefined) return 'it is the first'
  const found = bitmaps.find(({ name }) => name === before.bitmap)
  if (found === undefined) return 'the drive has no bitmap of the backup before'
  return found.isRight ? whyNotSame(drive, before) : 'its bitmap does not count: QEMU was killed, or the host went down'
}

async function begin(vm: Vm, qmp: Qmp, nodes: readonly Node[], taking: Taking): Promise<Omit<Moment, 'sources'>> {
  const { drawer } = vm
  const { bitmap, before, signal, note } = taking
  for (const node of nodes) await addFleece(vm, qmp, node)
  signal?.throwIfAborted()
  // First all are drained, and stay so to the end of the transaction: no write comes between what follows.
  const jobs = nodes.map((node) => ({
    type: 'blockdev-backup',
    data: { 'job-id': fleeceOf(node), device: node.name, target: fleeceOf(node), sync: 'none', 'auto-finalize': true, 'auto-dismiss': true },
  }))
  const bitmaps = nodes.flatMap((node) => [
    {
      type: 'block-dirty-bitmap-add',
      data: { node: node.name, name: bitmap, granularity, persistent: keepsBitmaps(node.drive.image) },
    },
    ...(before === undefined || whyUnknown(node, before) !== undefined ? [] : copying(node.name, before.bitmap)),
  ])
  const { result: switchMs, filesStoodMs } = await whileFilesStand(vm, qmp, taking.standing, { note, signal }, async () => {
    const fromMs = monotonicMs()
    if (jobs.length > 0) await qmp.execute('transaction', { actions: [...jobs, ...bitmaps] }, { timeoutMs: switchTimeoutMs })
    return monotonicMs() - fromMs
  })
  for (const node of nodes) remove(`${drawer.run}/${fleeceOf(node)}`)
  return { atMs: taking.atMs, switchMs, ...(filesStoodMs === undefined ? {} : { filesStoodMs }) }
}

/** The bitmap itself goes on: should this backup come to nothing, the next one needs it. */
function copying(node: string, name: string): { type: string; data: Record<string, unknown> }[] {
  const copy = copyName(name)
  return [
    { type: 'block-dirty-bitmap-add', data: { node, name: copy, granularity, disabled: true } },
    { type: 'block-dirty-bitmap-merge', data: { node, target: copy, bitmaps: [name] } },
  ]
}

async function addFleece({ drawer }: Vm, qmp: Qmp, node: Node): Promise<void> {
  const name = fleeceOf(node)
  const made = `${drawer.folder}/${name}`
  remove(made)
  await runOrFail('make room for what its guest overwrites', ['qemu-img', 'create', '-q', '-f', 'qcow2', made, String(node.sizeBytes)], {
    isPrivate: true,
  })
  const owner = stat(drawer.run)
  if (owner !== undefined && owner.uid !== stat(made)?.uid) giveTo(made, owner)
  rename(made, `${drawer.run}/${name}`)
  const file = name.replace('backup', 'backupfile')
  await qmp.execute('blockdev-add', { driver: 'file', 'node-name': file, filename: name })
  const qcow2 = { driver: 'qcow2', 'node-name': name, file, backing: node.name }
  await qmp.execute('blockdev-add', qcow2 as Arguments<'blockdev-add'>)
}

interface Opened {
  readonly sources: Source[]
  readonly close: () => void
}

async function openSources({ drawer }: Vm, nodes: readonly Node[], taking: Taking, signal: AbortSignal): Promise<Opened> {
  const images: Nbd[] = []
  const close = (): void => images.forEach((image) => image.close())
  try {
    const sources: Source[] = []
    for (const node of nodes) {
      const served: Served = { name: node.drive.name, folder: drawer.run, socket, export: fleeceOf(node), signal }
      const image = await Nbd.open(`${drawer.run}/${socket}`, served.export)
      images.push(image)
      const why = whyUnknown(node, taking.before)
      const { drive, sizeBytes } = node
      const source = { drive, sizeBytes, image, held: () => extentsServed(served) }
      if (why !== undefined || taking.before === undefined) sources.push({ ...source, ...(why === undefined ? {} : { why }) })
      else sources.push({ ...source, written: await writtenSince(served, copyName(taking.before.bitmap)) })
    }
    return { sources, close }
  } catch (error) {
    close()
    throw error
  }
}

/**
 * Serves the drives, and does `work` as long as its guest is not held up by it: where there is no room for what it overwrites QEMU stops it,
 * and it goes on as soon as the backup has been given up.
 */
async function whileRunning<T>(
  qmp: Qmp,
  ran: boolean,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const given = new AbortController()
  const stop = (): void => given.abort(signal?.reason)
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted === true) stop()
  const look = async (): Promise<void> => {
    const { status } = await qmp.execute('query-status')
    if (ran && status === 'io-error')
      given.abort(new Failure('there is no room left for what its guest overwrites meanwhile', { code: 'NO_SPACE' }))
  }
  const timer = setInterval(() => void look().catch((error: unknown) => given.abort(error)), lookMs)
  try {
    return await work(given.signal)
  } catch (error) {
    throw given.signal.aborted ? given.signal.reason : error
  } finally {
    clearInterval(timer)
    signal?.removeEventListener('abort', stop)
  }
}

interface Ending {
  /** The new backup counts. */
  readonly isDone: boolean
  readonly ran: boolean
}

/** Takes all of it away again. What cannot be done now is done by the next backup, or is gone with QEMU. */
async function end({ drawer }: Vm, qmp: Qmp, nodes: readonly Node[], taking: Taking, { isDone, ran }: Ending): Promise<void> {
  const { bitmap, before, folderId, note } = taking
  try {
    await clearBackup(qmp)
    for (const node of nodes) {
      const kept = isDone ? bitmap : before?.bitmap
      for (const name of superfluous([...node.bitmaps, { name: bitmap, isRight: true }], folderId, kept))
        await qmp.execute('block-dirty-bitmap-remove', { node: node.name, name }).catch(() => {})
    }
    if (ran && (await qmp.execute('query-status')).status === 'io-error') await qmp.execute('cont')
  } catch (error) {
    // It may just have been shut down, which ends all of it.
    if (isDone) note(messageOf(error))
  } finally {
    for (const node of nodes) for (const folder of [drawer.folder, drawer.run]) remove(`${folder}/${fleeceOf(node)}`)
    remove(`${drawer.run}/${socket}`)
  }
}

/** Ends what is left in QEMU of a backup: exports, jobs, the files beside, copies of bitmaps. */
export async function clearBackup(qmp: Qmp): Promise<void> {
  const left = await namesLeft(qmp)
  if (left.jobs.length + left.nodes.length + left.copies.length === 0) return
  await qmp.execute('nbd-server-stop').catch(() => {})
  for (const device of left.jobs) await qmp.execute('block-job-cancel', { device, force: true }).catch(() => {})
  for (const deadline = deadlineIn(goneTimeoutMs); ; ) {
    const now = await namesLeft(qmp)
    if (now.jobs.length + now.nodes.length + now.copies.length === 0) return
    if (now.jobs.length === 0) {
      // Layers before their files.
      for (const name of now.nodes.toSorted((a, b) => a.length - b.length))
        await qmp.execute('blockdev-del', { 'node-name': name }).catch(() => {})
      for (const copy of now.copies) await qmp.execute('block-dirty-bitmap-remove', copy).catch(() => {})
    }
    if (deadline.isOver) throw new Failure(`QEMU does not let go of a backup: ${[...now.jobs, ...now.nodes].join(', ')}`)
    await pause(5)
  }
}

interface Left {
  readonly jobs: readonly string[]
  readonly nodes: readonly string[]
  readonly copies: readonly { readonly node: string; readonly name: string }[]
}

async function namesLeft(qmp: Qmp): Promise<Left> {
  const jobs = (await qmp.execute('query-block-jobs')).map(({ device }) => device).filter((device) => ours.test(device))
  const all = await qmp.execute('query-named-block-nodes', { flat: true })
  const nodes = all.flatMap((node) => node['node-name'] ?? []).filter((name) => ours.test(name))
  const copies = all.flatMap(({ 'node-name': node, 'dirty-bitmaps': bitmaps = [] }) =>
    node === undefined ? [] : copiesIn(bitmaps.flatMap(({ name }) => name ?? [])).map((name) => ({ node, name })),
  )
  return { jobs, nodes, copies }
}
