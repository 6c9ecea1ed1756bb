// Moving a running guest from one QEMU to another: https://www.qemu.org/docs/master/devel/migration/main.html
// Its drives are mirrored to the other QEMU's NBD server, then its RAM goes over while it runs on, then it stops, the mirrors are
// ended, and the rest of its state follows.
import { Failure } from '../core/errors.js'
import { monotonicMs, pause } from '../sys/clock.js'
import { QmpError } from './qmperror.js'
import type { Qmp } from './qmpsession.js'

/** A drive of the guest, and where its copy grows. */
export interface Mirror {
  /** Of the job, and of the node of the other end. */
  readonly name: string
  /** The node that the guest writes to. */
  readonly node: string
  /** The NBD server's socket, as QEMU finds it. */
  readonly socket: string
  readonly exportName: string
}

/** How far a copy is, in bytes. */
export interface Far {
  readonly doneBytes: number
  readonly totalBytes: number
}

/** More than any network has: how much is sent is for the network to say. In bytes a second. */
const unlimited = 2 ** 40

/** A look costs QEMU next to nothing, and the guest stands still while the last of them is awaited. */
const lookMs = { soon: 3, usual: 20 } as const

/** What stands between QEMU and a pause of the guest that is as short as `downtimeMs`. */
export async function prepareMigration(qmp: Qmp, downtimeMs: number): Promise<void> {
  const capabilities = [
    { capability: 'pause-before-switchover', state: true },
    // A guest that writes faster than the network is slowed down.
    { capability: 'auto-converge', state: true },
    { capability: 'events', state: true },
    // One that was woken has it on.
    { capability: 'x-ignore-shared', state: false },
  ] as const
  await qmp.execute('migrate-set-capabilities', { capabilities })
  await qmp.execute('migrate-set-parameters', { 'max-bandwidth': unlimited, 'downtime-limit': downtimeMs })
}

/**
 * Begins to copy a drive; what the guest writes meanwhile follows, the last of it when it has stopped. That each write ends when it is at
 * both ends (`copy-mode=write-blocking`) would bound that, but QEMU 7.2 and 10.0 do not survive it: beginning and cancelling such a copy
 * under a guest that writes a lot ended them after 4 to 101 times, by a null pointer or for waiting for themselves.
 */
export async function beginMirror(qmp: Qmp, { name, node, socket, exportName }: Mirror): Promise<void> {
  const server = { type: 'unix', path: socket }
  await qmp.execute('blockdev-add', { driver: 'nbd', 'node-name': name, server, export: exportName })
  await qmp.execute('blockdev-mirror', {
    'job-id': name,
    device: node,
    target: name,
    sync: 'full',
    'copy-mode': 'background',
    // A job that fails stays until it was looked at.
    'auto-dismiss': false,
  })
}

/** Waits until both ends have the same. Throws a Failure where a copy fails. */
export async function untilMirrored(
  qmp: Qmp,
  names: readonly string[],
  { onFar, check }: { readonly onFar: (far: Far) => void; readonly check: () => void },
): Promise<void> {
  for (;;) {
    check()
    const jobs = await mirrorsOf(qmp, names)
    const sum = (what: (job: (typeof jobs)[number]) => number): number => jobs.reduce((bytes, job) => bytes + what(job), 0)
    onFar({ doneBytes: sum((job) => job.offset), totalBytes: sum((job) => job.len) })
    if (jobs.every(({ ready }) => ready)) return
    await pause(lookMs.usual)
  }
}

async function mirrorsOf(qmp: Qmp, names: readonly string[]) {
  const jobs = (await qmp.execute('query-block-jobs')).filter(({ device }) => names.includes(device))
  const failed = jobs.find(({ error, status }) => error !== undefined && status === 'concluded')
  if (failed !== undefined) throw new Failure(`the copy of a drive failed: ${failed.error}`, { code: 'QEMU_REFUSED' })
  if (jobs.length < names.length) throw new Failure('the copy of a drive was ended by somebody')
  return jobs
}

/** Ends the copies, which are whole then: the guest stands still. */
export async function endMirrors(qmp: Qmp, names: readonly string[]): Promise<void> {
  for (const device of names) await qmp.execute('block-job-cancel', { device })
  for (;;) {
    const jobs = await mirrorsOf(qmp, names)
    if (jobs.every(({ status }) => status === 'concluded')) break
    await pause(lookMs.soon)
  }
  for (const id of names) await qmp.execute('block-job-dismiss', { id })
  for (const name of names) await qmp.execute('blockdev-del', { 'node-name': name })
}

/** Sends RAM over the socket, and waits until the guest has stopped for the rest. `stopped` resolves when it does, where it runs. */
export async function sendRam(
  qmp: Qmp,
  socket: string,
  { onFar, check }: { readonly onFar: (far: Far) => void; readonly check: () => void },
  stopped: Promise<unknown> = new Promise(() => {}),
  onSlow: (waitedMs: number) => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const sinceMs = monotonicMs()
  await qmp.execute('migrate', { uri: `unix:${socket}` })
  for (;;) {
    check()
    const { status, ram } = await look(qmp)
    if (ram !== undefined) onFar({ doneBytes: ram.total - ram.remaining, totalBytes: ram.total })
    if (status === 'pre-switchover') return
    await onSlow(monotonicMs() - sinceMs)
    await Promise.race([pause(lookMs.usual), stopped])
  }
}

/** Lets the guest stand still for longer. */
export async function allowDowntime(qmp: Qmp, downtimeMs: number): Promise<void> {
  await qmp.execute('migrate-set-parameters', { 'downtime-limit': downtimeMs })
}

/** Has a QEMU that waits for a guest (`-incoming defer`) listen for it at a socket. */
export async function waitForState(qmp: Qmp, socket: string): Promise<void> {
  await qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] })
  await qmp.execute('migrate-incoming', { uri: `unix:${socket}` })
}

/** Sends all but RAM, which is in a file already, from a guest that has come and was never run. */
export async function saveDevices(qmp: Qmp, socket: string): Promise<void> {
  await untilOver(qmp)
  await qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'x-ignore-shared', state: true }] })
  await qmp.execute('migrate', { uri: `unix:${socket}` })
  await untilOver(qmp)
}

/**
 * Whether a QEMU sends, and expects, a description of its state behind that. It is for debugging, takes long to make while the guest stands
 * still, and both sides must agree.
 */
export async function describeState(qmp: Qmp, isDescribed: boolean): Promise<void> {
  await qmp.execute('qom-set', { path: '/machine', property: 'suppress-vmdesc', value: !isDescribed })
}

/** Takes the state of devices in from an open file, with RAM that is in a file already. The guest stands still then. */
export async function takeIn(qmp: Qmp, fd: number, timeoutMs: number): Promise<void> {
  const capabilities = ['x-ignore-shared', 'events'].map((capability) => ({ capability, state: true }))
  const over = qmp.waitFor('MIGRATION', {
    timeoutMs,
    matching: ({ data }) => data['status'] === 'completed' || data['status'] === 'failed',
  })
  await Promise.all([
    describeState(qmp, false),
    qmp.execute('migrate-set-capabilities', { capabilities }),
    qmp.execute('migrate-incoming', { uri: `fd:${fd}` }, { timeoutMs }),
  ])
  const { data } = await over
  if (data['status'] === 'failed') throw new Failure('QEMU cannot take the state in', { code: 'QEMU_REFUSED' })
}

/** Lets the rest follow. */
export async function switchOver(qmp: Qmp): Promise<void> {
  await qmp.execute('migrate-continue', { state: 'pre-switchover' })
}

/** Rejects when QEMU gives up; settles in no other way than by that, or with its connection. */
export async function untilFailed(qmp: Qmp): Promise<never> {
  for (;;) {
    await look(qmp)
    await pause(lookMs.usual)
  }
}

/** Waits until all is sent, or has come. */
export async function untilOver(qmp: Qmp): Promise<void> {
  while ((await look(qmp)).status !== 'completed') await pause(lookMs.soon)
}

async function look(qmp: Qmp) {
  const state = await qmp.execute('query-migrate')
  const { status } = state
  if (status !== 'failed' && status !== 'cancelled') return state
  const why = state['error-desc']
  throw new Failure(status === 'cancelled' ? 'the migration was cancelled by somebody' : `QEMU gave up${why ? `: ${why}` : ''}`, {
    code: 'QEMU_REFUSED',
  })
}

/** Everything as it was before, and the guest goes on where it ran. Nothing is an error that is so already. */
export async function undoMigration(qmp: Qmp, { ran }: { readonly ran: boolean }): Promise<void> {
  await qmp.execute('migrate_cancel').catch(() => {})
  const under = new Set(['setup', 'cancelling', 'active', 'device', 'pre-switchover'])
  while (under.has((await qmp.execute('query-migrate')).status ?? '')) await pause(lookMs.usual)
  for (const { device } of await qmp.execute('query-block-jobs')) {
    if (!device.startsWith(mirrorPrefix)) continue
    await qmp.execute('block-job-cancel', { device, force: true }).catch(() => {})
  }
  for (;;) {
    const jobs = (await qmp.execute('query-block-jobs')).filter(({ device }) => device.startsWith(mirrorPrefix))
    if (jobs.every(({ status }) => status === 'concluded')) {
      for (const { device } of jobs) await qmp.execute('block-job-dismiss', { id: device })
      break
    }
    await pause(lookMs.usual)
  }
  const nodes = await qmp.execute('query-named-block-nodes', { flat: true })
  for (const { 'node-name': name } of nodes)
    if (name?.startsWith(mirrorPrefix)) await qmp.execute('blockdev-del', { 'node-name': name }).catch(() => {})
  const { status } = await qmp.execute('query-status')
  if (ran && status !== 'running') await goOn(qmp)
  if (!ran && status === 'postmigrate') await pauseAgain(qmp)
}

/** Lets a guest go on whose state was sent. */
export async function goOn(qmp: Qmp): Promise<void> {
  await onceFinalized(() => qmp.execute('cont'))
}

/**
 * Makes one that was paused when its state was sent a paused one again, to the moment before the guest's next step: as it is left
 * (`postmigrate`) QEMU sends it no second time, and has given up its drives, which ends QEMU where one is changed (7.2, `block_resize`).
 * There is no other way out than to let it go on, so both come in one breath.
 */
export async function pauseAgain(qmp: Qmp): Promise<void> {
  await onceFinalized(async () => {
    const both = await Promise.allSettled([qmp.execute('cont'), qmp.execute('stop')])
    for (const one of both) if (one.status === 'rejected') throw one.reason
  })
}

/**
 * Has QEMU open the drives of a guest that came and stays paused. From 10.0 on it does that only as the guest goes on, and until then
 * refuses to change them; before, it has done so when all had come, and knows no such command.
 */
export async function openDrives(qmp: Qmp): Promise<void> {
  try {
    await qmp.execute('blockdev-set-active', { active: true })
  } catch (error) {
    if (!(error instanceof QmpError && error.class === 'CommandNotFound')) throw error
  }
}

/** QEMU says that a migration is over a moment before it is (`finish-migrate`), and lets no guest go on before. */
async function onceFinalized(step: () => Promise<unknown>): Promise<void> {
  const untilMs = monotonicMs() + finalizeMs
  for (;;) {
    try {
      await step()
      return
    } catch (error) {
      if (!(error instanceof QmpError && error.desc.includes('not finalized')) || monotonicMs() > untilMs) throw error
    }
    await pause(lookMs.soon)
  }
}

/** It takes milliseconds, on a host under load more. */
const finalizeMs = 30_000

/** What the jobs of a move, and their nodes, are called. */
export const mirrorPrefix = 'move-'
