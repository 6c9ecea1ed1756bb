// The drives of a running VM as they are at one moment. In one transaction QEMU begins a copy of each drive, or of what was written since the
// backup before, into a file beside (`backup0`), and a dirty bitmap in each. The copies are of that moment, whatever its guest writes meanwhile:
// what it is about to overwrite is copied first. The files are local, so however slow the folder of backups is, and whatever becomes of this
// process, its guest feels nothing of it. Then QEMU has done its part, and they are read.
import { Failure, messageOf } from '../../core/errors.js'
import { formatSize } from '../../core/size.js'
import { withJobs } from '../../qemu/jobs.js'
import type { Qmp } from '../../qemu/qmp.js'
import type { Drive } from '../../model/drive.js'
import { readHeader } from '../../store/common/qcow2.js'
import type { OnProgress, Store } from '../../store/store.js'
import { deadlineIn, monotonicMs, pause } from '../../sys/clock.js'
import { freeBytes, giveTo, list, lstat, remove, rename, setMode, stat } from '../../sys/file.js'
import { ownUid } from '../../sys/environment.js'
import { runOrFail } from '../../sys/process.js'
import { foreignWriters } from '../../sys/writers.js'
import { nodeOf } from '../drive/live.js'
import { jobOf } from '../record/added.js'
import { refuseSince01, type Drawer } from '../record/drawer.js'
import type { Vm } from '../record/vm.js'
import { granularity, superfluous, type Bitmap } from './bitmaps.js'
import { keepsBitmaps } from './filebitmaps.js'
import { letFilesGo, whileFilesStand } from './files.js'
import { whileServed, type Readable } from './served.js'
import { whyUnknown, type Before, type Moment } from './source.js'

const answerTimeoutMs = 60_000
/** The guest's file systems may stand still for it. */
const switchTimeoutMs = 10_000
const goneTimeoutMs = 10_000
const lookMs = 20

/** QEMU's names for jobs, nodes and files of ours. */
const ours = /^backup(?:file)?\d+$/

/** What is written of a block takes a cluster of the copy, at most. */
const clusterBytes = 64 * 1024

export interface Taking {
  readonly folderId: string
  /** The bitmap that begins now. */
  readonly bitmap: string
  readonly atMs: number
  readonly before: Before | undefined
  /** Whether the file systems of its guest are to stand still at that moment. */
  readonly standing: boolean
  readonly note: (text: string) => void
  readonly onProgress: OnProgress
  readonly signal: AbortSignal | undefined
}

interface Node {
  readonly drive: Drive
  /** What its guest writes to. */
  readonly name: string
  readonly bitmaps: readonly (Bitmap & { readonly dirtyBytes: number })[]
  readonly sizeBytes: number
  /** What it may take to copy it. */
  readonly roomBytes: number
  /** Why what was written since the backup before is not known; undefined where it is. */
  readonly why: string | undefined
}

/** Brings the drives of a running VM to one moment, for as long as `work` takes, which resolves when what it makes of them counts. */
export async function withLiveMoment<T>(vm: Vm, store: Store, taking: Taking, work: (moment: Moment) => Promise<T>): Promise<T> {
  const { id, drawer } = vm
  refuseSince01(drawer)
  const job = jobOf(drawer, `back up ${id}`)
  // Aborting must not end the session: it is needed to clear up.
  return withJobs(job, { timeoutMs: answerTimeoutMs }, async (qmp) => {
    await letFilesGo(vm, taking)
    await clearBackup(drawer, qmp)
    const ran = (await qmp.execute('query-status')).status === 'running'
    const nodes = await nodesOf(vm, store, qmp, taking.before)
    let isDone = false
    try {
      const begun = await begin(vm, qmp, nodes, taking)
      await untilCopied(qmp, nodes, ran, taking)
      await letGo(qmp)
      const readable = nodes.map((node) => takeCopy(drawer, node))
      const result = await whileServed(drawer.folder, readable, taking.signal, (sources) => work({ ...begun, sources }))
      isDone = true
      return result
    } finally {
      await end(drawer, qmp, nodes, taking, { isDone, ran })
    }
  })
}

async function nodesOf({ id, call }: Vm, store: Store, qmp: Qmp, before: Before | undefined): Promise<Node[]> {
  const all = await qmp.execute('query-named-block-nodes', { flat: true })
  const nodes: Node[] = []
  for (const drive of await store.drives(id)) {
    const name = await nodeOf(qmp, drive)
    if (name === undefined)
      throw new Failure(`cannot back up ${id}: it runs without ${drive.name}`, {
        hints: [`start it with all its drives: ${call} shutdown start`, `or back it up while it is off: ${call} shutdown`],
      })
    const found = all.find((node) => node['node-name'] === name)?.['dirty-bitmaps'] ?? []
    const bitmaps = found.flatMap(({ name: bitmap, recording, inconsistent, count }) =>
      bitmap === undefined ? [] : [{ name: bitmap, isRight: recording && inconsistent !== true, dirtyBytes: count }],
    )
    const { virtualBytes: sizeBytes } = await store.size(drive)
    const why = whyUnknown(drive, bitmaps, before)
    const dirty = bitmaps.find((bitmap) => bitmap.name === before?.bitmap)?.dirtyBytes ?? 0
    const roomBytes =
      why === undefined ? Math.min(sizeBytes, (dirty / granularity) * clusterBytes) : await heldBytes(store, drive)
    nodes.push({ drive, name, bitmaps, sizeBytes, roomBytes, why })
  }
  return nodes
}

/** What all its layers take, or all of it where that is not seen. */
async function heldBytes(store: Store, drive: Drive): Promise<number> {
  const { virtualBytes, allocatedBytes } = await store.size(drive)
  let bytes = allocatedBytes
  for (let under = drive.image.backing; under !== undefined; under = under.backing) bytes += stat(under.path)?.size ?? 0
  return Math.min(virtualBytes, bytes)
}

const copyOf = ({ drive }: Pick<Node, 'drive'>): string => `backup${drive.number}`

async function begin(vm: Vm, qmp: Qmp, nodes: readonly Node[], taking: Taking): Promise<Omit<Moment, 'sources'>> {
  const { bitmap, before, signal, note } = taking
  requireRoom(vm, nodes)
  for (const node of nodes) await addCopy(vm, qmp, node)
  signal?.throwIfAborted()
  // First all are drained, and stay so to the end of the transaction: no write comes between what follows.
  const jobs = nodes.map((node) => ({
    type: 'blockdev-backup',
    data: {
      'job-id': copyOf(node),
      device: node.name,
      target: copyOf(node),
      // A job that fails stays until it was looked at.
      'auto-dismiss': false,
      // That bitmap goes on: should this backup come to nothing, the next one needs it.
      ...(node.why === undefined ? { sync: 'bitmap', bitmap: before?.bitmap, 'bitmap-mode': 'never' } : { sync: 'full' }),
    },
  }))
  const bitmaps = nodes.map((node) => ({
    type: 'block-dirty-bitmap-add',
    data: { node: node.name, name: bitmap, granularity, persistent: keepsBitmaps(node.drive.image) },
  }))
  const { result: switchMs, filesStoodMs } = await whileFilesStand(vm, qmp, taking.standing, { note, signal }, async () => {
    const fromMs = monotonicMs()
    if (jobs.length > 0) await qmp.execute('transaction', { actions: [...jobs, ...bitmaps] }, { timeoutMs: switchTimeoutMs })
    return monotonicMs() - fromMs
  })
  return { atMs: taking.atMs, switchMs, ...(filesStoodMs === undefined ? {} : { filesStoodMs }) }
}

/** Throws a Failure where a copy could fill up the disk: the guest would be stopped. */
function requireRoom({ id, drawer, call }: Vm, nodes: readonly Node[]): void {
  const needed = nodes.reduce((sum, { roomBytes }) => sum + roomBytes, 0)
  const free = freeBytes(drawer.folder)
  if (needed < free) return
  throw new Failure(
    `cannot back up ${id} as it runs: its copy may take ${formatSize(needed)} in ${drawer.folder}, and ${formatSize(free)} are free`,
    {
      code: 'NO_SPACE',
      hints: [`back it up while it is off, which needs no copy: ${call} shutdown`],
    },
  )
}

/** Gives QEMU the file that it copies to, in its own folder. */
async function addCopy({ drawer }: Vm, qmp: Qmp, node: Node): Promise<void> {
  const name = copyOf(node)
  const made = `${drawer.folder}/${name}`
  remove(made)
  const create = ['qemu-img', 'create', '-q', '-f', 'qcow2', made, String(node.sizeBytes)]
  await runOrFail('make room for a copy', create, { isPrivate: true })
  const owner = stat(drawer.run)
  if (owner !== undefined && owner.uid !== ownUid()) giveTo(made, owner)
  rename(made, `${drawer.run}/${name}`)
  const file = name.replace('backup', 'backupfile')
  await qmp.execute('blockdev-add', { driver: 'file', 'node-name': file, filename: name })
  // With something under it what is zeros now is noted as such, and not left out.
  const under = node.why === undefined ? node.name : null
  await qmp.execute('blockdev-add', { driver: 'qcow2', 'node-name': name, file, backing: under })
}

/** Waits until QEMU has copied all. Throws a Failure where it cannot. */
async function untilCopied(qmp: Qmp, nodes: readonly Node[], ran: boolean, { onProgress, signal }: Taking): Promise<void> {
  for (; ; await pause(lookMs, signal)) {
    signal?.throwIfAborted()
    const jobs = await jobsLeft(qmp)
    const failed = jobs.find(({ error }) => error !== undefined)
    if (failed !== undefined) throw new Failure(`QEMU cannot copy a drive: ${failed.error}`, { code: 'QEMU_REFUSED' })
    if (jobs.length < nodes.length) throw new Failure('the copy of a drive was ended by somebody')
    if (jobs.every(({ status }) => status === 'concluded')) return
    const sum = (what: (job: (typeof jobs)[number]) => number): number => jobs.reduce((bytes, job) => bytes + what(job), 0)
    onProgress(
      sum(({ offset }) => offset),
      sum(({ len }) => len),
    )
    // Where the copy of what it is about to overwrite cannot be written QEMU stops its guest.
    if (ran && (await qmp.execute('query-status')).status === 'io-error')
      throw new Failure('there is no room left for what its guest overwrites meanwhile', { code: 'NO_SPACE' })
  }
}

/** Takes the copy out of QEMU's hands, whose guest may have taken it over: nobody else can change it, and it names no other file. */
function takeCopy(drawer: Drawer, node: Node): Readable {
  const { drive, sizeBytes, why } = node
  const path = `${drawer.folder}/${copyOf(node)}`
  rename(`${drawer.run}/${copyOf(node)}`, path)
  const found = lstat(path)
  if (found?.isFile() !== true) throw new Failure(`${path} is no file any more`)
  // Only root has a QEMU of another user.
  if (found.uid !== ownUid()) giveTo(path, { uid: 0, gid: 0 })
  setMode(path, 0o600)
  const { dataFile } = readHeader(path)
  if (foreignWriters(found).length > 0 || dataFile !== undefined) throw new Failure(`${path} is not what QEMU was to copy`)
  const from: Drive = { ...drive, image: { kind: 'file', format: 'qcow2', path } }
  return { drive, from, sizeBytes, why, isPart: why === undefined }
}

interface Ending {
  /** The new backup counts. */
  readonly isDone: boolean
  readonly ran: boolean
}

/** Takes all of it away again. What cannot be done now is done by the next backup, or is gone with QEMU. */
async function end(drawer: Drawer, qmp: Qmp, nodes: readonly Node[], taking: Taking, { isDone, ran }: Ending): Promise<void> {
  const { bitmap, before, folderId, note } = taking
  try {
    await clearBackup(drawer, qmp)
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
    removeCopies(drawer)
  }
}

function removeCopies(drawer: Drawer): void {
  for (const folder of [drawer.folder, drawer.run])
    for (const name of list(folder)) if (ours.test(name)) remove(`${folder}/${name}`)
}

/** Ends what is left of a backup in QEMU, jobs and nodes, and removes the copies. */
export async function clearBackup(drawer: Drawer, qmp: Qmp): Promise<void> {
  for (const device of (await jobsLeft(qmp)).map((job) => job.device))
    await qmp.execute('block-job-cancel', { device, force: true }).catch(() => {})
  await letGo(qmp)
  removeCopies(drawer)
}

async function jobsLeft(qmp: Qmp) {
  return (await qmp.execute('query-block-jobs')).filter(({ device }) => ours.test(device))
}

/** Has QEMU close the copies. */
async function letGo(qmp: Qmp): Promise<void> {
  for (const deadline = deadlineIn(goneTimeoutMs); ; await pause(5)) {
    const jobs = await jobsLeft(qmp)
    for (const { device, status } of jobs) if (status === 'concluded') await qmp.execute('block-job-dismiss', { id: device })
    const all = await qmp.execute('query-named-block-nodes', { flat: true })
    const nodes = all.flatMap((node) => node['node-name'] ?? []).filter((name) => ours.test(name))
    if (jobs.length + nodes.length === 0) return
    // Layers before their files.
    for (const name of nodes.toSorted((a, b) => a.length - b.length))
      await qmp.execute('blockdev-del', { 'node-name': name }).catch(() => {})
    if (deadline.isOver)
      throw new Failure(`QEMU does not let go of a copy: ${[...jobs.map(({ device }) => device), ...nodes].join(', ')}`)
  }
}
