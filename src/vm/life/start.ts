import { environmentHints } from '../../config/fold.js'
import type { Caller } from '../../core/caller.js'
import { Failure, messageOf } from '../../core/errors.js'
import { endHelpers, type StartedHelpers } from '../../helper/helpers.js'
import { requireOpenTun } from '../../net/tap.js'
import { pasteable, qemuCommand, writingPid } from '../../qemu/command.js'
import { discDrive } from '../../qemu/device/disc.js'
import { qemuEnvironment } from '../../qemu/environment.js'
import { journalLine } from '../../qemu/journal.js'
import type { Machine, Words } from '../../model/machine.js'
import { deadlineIn, pause } from '../../sys/clock.js'
import { bootId, environment } from '../../sys/environment.js'
import { close, open, readTail, remove, writeInto, writeWhole } from '../../sys/file.js'
import { holderOf, type Lock } from '../../sys/lock.js'
import { startDetached, type Detached } from '../../sys/process.js'
import { holdVm } from '../drive/hold.js'
import type { Plan } from './plan.js'
import { pinHardware } from './pin.js'
import { refuseAsleep } from '../record/asleep.js'
import { ensureRecord, refuseMoving } from '../record/record.js'
import type { RunAs } from '../../host/runas.js'
import { noteRefused, planFor, portTaken, withHelpers, type Arriving, type How } from './helped.js'
import { drawerOf, historyIn, makeRun } from '../record/drawer.js'
import { journalOf, qemuPid } from '../record/state.js'
import { seedKind } from '../record/seed.js'
import type { Held } from '../../store/store.js'
import { storeOf } from '../record/stores.js'
import { describeStarted } from './started.js'
import { sweep } from './sweep.js'
import { makeTapsOf, tapsOf } from './taps.js'
import { claimUser, refuseSurvivors } from '../record/user.js'
import { bootsOtherwise, hasOwnFile, type Vm } from '../record/vm.js'

/** A look at a lock holds it for a moment, so a start waits this long before it says that the VM runs. */
const lockWaitMs = 150

/** How long QEMU may take to its first answer: a minute is a machine under heavy load, more is a hang. */
const answerTimeoutMs = 60_000

/** How long a QEMU that was killed may take to be gone. */
const killTimeoutMs = 5000

/** Enough of QEMU's words for the reason why it refused. */
const wordsBytes = 16 * 1024

export interface Started {
  readonly pid: number
  readonly plan: Plan
}

/**
 * Starts a VM and returns once its QEMU answers. `options` are QEMU options behind all others. Throws a Failure when it
 * runs already, or with QEMU's own words when QEMU refuses; rejects with the signal's reason when that is aborted. Then nothing is
 * left running. `note` tells what will soon be wrong.
 */
export async function startVm(asked: Vm, options: Words, caller: Caller = {}, arriving?: Arriving): Promise<Started> {
  // What nbsvm 0.1 left there is over.
  const vm = { ...asked, drawer: drawerOf(asked.place.state, asked.id) }
  const { drawer } = vm
  const { signal, note = () => {} } = caller
  // One whose drives are removed just now does not start without them.
  const mayBeNew = bootsOtherwise(vm, options) || hasOwnFile(vm)
  const hold = { hold: 'exclusive', timeoutMs: lockWaitMs, doing: `start ${vm.id}`, signal, mayBeNew } as const
  const lock = await holdVm(vm, await storeOf(vm), hold)
  if (lock === undefined) throw runsAlready(vm)
  let held: Held | undefined
  try {
    if (arriving === undefined) await refuseMoving(vm, 'start')
    // One that goes on from there is started otherwise (vm/frozen/begin.ts).
    if (arriving?.from === undefined) refuseAsleep(vm, `start ${vm.id}`)
    const record = await ensureRecord(vm)
    await claimUser(vm)
    const hasSeed = seedKind(vm.settings, record) !== 'none'
    if (hasSeed) await (await import('./seeding.js')).claimSeed(vm)
    await sweep(drawer)
    // Root's look for survivors takes a process of its own, during which there is time to plan.
    const how: How = { options, caller, arriving }
    const [first] = await Promise.all([planFor(vm, how, {}), refuseSurvivors(vm, `start ${vm.id}`)])
    const movable = await movableOf(vm, first, arriving)
    makeRun(drawer, first.runAs)
    await arriving?.prepare?.(first)
    held = await makeReady(vm, first, note, arriving)
    signal?.throwIfAborted()
    const lay = async (plan: Plan, tell?: (text: string) => void): Promise<void> => {
      if (arriving?.seed !== undefined) writeWhole(drawer.seed, arriving.seed)
      else if (hasSeed) (await import('./seeding.js')).laySeed(vm, plan, tell)
    }
    await lay(first, note)
    layOut(vm, first, arriving)
    if (movable !== undefined) writeInto(drawer.portable, movable)
    const { plan, helpers } = await withHelpers(vm, first, how)
    let pid: number
    try {
      if (plan !== first) {
        // Shares are mounted otherwise, above all.
        await lay(plan)
        noteStarted(vm, plan, arriving)
        if (movable !== undefined) writeInto(drawer.portable, (await movableOf(vm, plan, arriving)) ?? movable)
      }
      pid = await launch(vm, plan, helpers, { lock, signal, wake: arriving?.wake })
    } finally {
      helpers.abandon()
    }
    // It runs: whatever fails now is no failure of the start.
    await held?.end(pid).catch((error: unknown) => note(messageOf(error)))
    if (arriving === undefined) await pinHardware(vm, plan, note).catch((error: unknown) => note(messageOf(error)))
    return { pid, plan }
  } catch (error) {
    // What went wrong is worth more to the user than what could not be removed; the next command tries again.
    await held?.end(undefined).catch(() => {})
    await sweep(drawer).catch(() => {})
    throw error
  } finally {
    // From here on QEMU alone holds the lock, if it is there.
    lock.release()
  }
}

/** What is written down of a VM that may move; few may, and the code is loaded for those. */
async function movableOf(vm: Vm, plan: Plan, arriving: Arriving | undefined): Promise<string | undefined> {
  if (arriving?.movable !== undefined) return arriving.movable
  return vm.settings.movable === 'yes' ? (await import('./movable.js')).describeMovable(vm, plan) : undefined
}

/** What must be there outside the drawer: the variables of its UEFI, drives that can be used, taps. */
async function makeReady(
  vm: Vm,
  { machine, runAs, newVariables }: Plan,
  note: (text: string) => void,
  arriving: Arriving | undefined,
): Promise<Held | undefined> {
  if (machine.firmware !== undefined && newVariables !== undefined) {
    const { makeVariables } = await import('./nvram.js')
    await makeVariables(vm, machine.firmware.kind, newVariables, note)
  }
  if (machine.tpm) (await import('./tpm.js')).prepareTpm(vm, runAs)
  const taps = tapsOf(machine, runAs.uid)
  if (taps.length > 0 && runAs.prefix.length > 0) requireOpenTun(runAs.user)
  await makeTapsOf(vm.drawer, taps)
  return 'words' in machine.drives ? undefined : readyDrives(vm, runAs, note, arriving)
}

async function readyDrives(
  vm: Vm,
  runAs: RunAs,
  note: (text: string) => void,
  arriving: Arriving | undefined,
): Promise<Held | undefined> {
  const store = await storeOf(vm)
  if (store.ready === undefined && store.filesFor === undefined) return undefined
  const drives = await store.drives(vm.id)
  if (store.filesFor !== undefined) {
    await (await import('../drive/qemufiles.js')).layQemuFiles(vm.drawer, store, drives, runAs)
  }
  // Those of a VM that comes from another machine are open there still.
  return arriving?.sharesDrives === true ? undefined : store.ready?.(drives, note)
}

function runsAlready(vm: Vm): Failure {
  const pid = qemuPid(vm.drawer)
  const holder = pid === undefined ? holderOf(vm.drawer.lock) : undefined
  if (holder?.doing.startsWith('start ') === true) {
    return new Failure(`cannot start ${vm.id}: it is starting already, by pid ${holder.pid}`, { code: 'BUSY' })
  }
  if (holder !== undefined)
    return new Failure(`cannot start ${vm.id}: pid ${holder.pid} is at work on it: ${holder.doing}`, { code: 'BUSY' })
  if (pid === undefined) {
    return new Failure(
      `cannot start ${vm.id}: it is starting already, or runs where its process cannot be seen, or its drives are being copied`,
      { code: 'BUSY' },
    )
  }
  return new Failure(`cannot start ${vm.id}: it runs already as pid ${pid}`, {
    code: 'VM_RUNNING',
    hints: [`see it: ${vm.call}`, `restart it: ${vm.call} stop start`],
  })
}

/** Makes the drawer ready for a new run: what the last one left is history. */
function layOut(vm: Vm, plan: Plan, arriving: Arriving | undefined): void {
  for (const file of historyIn(vm.drawer)) remove(file)
  noteStarted(vm, plan, arriving)
}

/** The first line of the journal, and the machine in full. */
function noteStarted(vm: Vm, plan: Plan, arriving: Arriving | undefined): void {
  const { host, machine } = plan
  const { from, forkedFrom } = arriving ?? {}
  const started = {
    nbsvm: 'started',
    at: Date.now(),
    bootId: bootId(),
    qemu: host.version,
    ...summary(vm, plan),
    ...(from === undefined ? {} : { from }),
    ...(forkedFrom === undefined ? {} : { forkedFrom }),
  } as const
  writeInto(vm.drawer.journal, journalLine(started))
  writeInto(vm.drawer.machine, describeStarted(vm, machine))
}

/** What `status` tells of a running machine, written down because settings may change while it runs. */
function summary({ settings }: Vm, { machine, runAs }: Plan) {
  const { accelerator, arch, type, cpu, memBytes, cpus, nics, firmware, tpm, shares } = machine
  const forwards = 'words' in nics ? [] : nics.flatMap(({ backend }) => (backend.kind === 'tap' ? [] : backend.forwards))
  const taps = tapsOf(machine, runAs.uid).map(({ name }) => name)
  const discs = (settings.cdrom ?? []).map((path, index) => ({ drive: discDrive(index), path }))
  const boots = firmware?.kind ?? ('bios' as const)
  const board = { accelerator, arch, machine: type, firmware: boots, tpm, cpu, memBytes, cpus }
  return { ...board, forwards, discs, shares, taps, runAs: runAs.user }
}

async function launch(
  vm: Vm,
  { machine, runAs }: Plan,
  helpers: StartedHelpers,
  { lock, signal, wake }: { readonly lock: Lock; readonly signal: AbortSignal | undefined; readonly wake: Arriving['wake'] },
): Promise<number> {
  const { drawer } = vm
  const qemu = await run(vm, machine, lock)
  try {
    // It writes that down itself, whatever becomes of this nbsvm; where there is no room for it, that is found out here.
    writeInto(drawer.pid, `${qemu.pid}\n`)
    await helpers.follow()
    // While QEMU starts there is time for the disk, and for code that is not needed before.
    writeInto(drawer.command, `${pasteable(machine, drawer.folder, runAs)}\n`)
    const { connectQmp } = await import('../../qemu/qmp.js')
    // QEMU greets from a thread of its own, but ends the negotiation only when all devices are there.
    const qmp = await connectQmp(drawer.qmp, { timeoutMs: answerTimeoutMs, ended: qemu.ended, signal })
    try {
      await wake?.(qmp)
    } finally {
      qmp.close()
    }
    return qemu.pid
  } catch (error) {
    qemu.kill()
    await qemu.ended.catch(() => {})
    await untilKilled(vm)
    signal?.throwIfAborted()
    throw stoppedMeanwhile(vm) ?? (await refusal(vm, runAs, error))
  }
}

/** A QEMU that was run through a script in a group of its own is no child, and ends a moment after its SIGKILL. */
async function untilKilled(vm: Vm): Promise<void> {
  const { killQemu } = await import('./kill.js')
  for (const deadline = deadlineIn(killTimeoutMs); killQemu(vm).length > 0 && !deadline.isOver;) await pause(5)
}

/** The failure when another nbsvm has ended the VM before it answered. */
function stoppedMeanwhile({ id, drawer }: Vm): Failure | undefined {
  const { stopping } = journalOf(drawer)
  return stopping === undefined
    ? undefined
    : new Failure(`cannot start ${id}: it was ended meanwhile by another nbsvm (${stopping.by})`, { code: 'VM_NOT_RUNNING' })
}

/** Runs QEMU, in its own folder, with what is opened for it; its words go to the log keeper, as its events do. */
async function run({ drawer }: Vm, machine: Machine, lock: Lock): Promise<Detached> {
  const files: number[] = []
  try {
    for (const { path, mode } of machine.handed) files.push(open(path, mode))
    const output = open(drawer.eventsFifo, 'fifo')
    const env = qemuEnvironment(environment, { isOwnUser: machine.prefix.length === 0 })
    const pass = [lock.fd, ...files]
    files.push(output)
    return startDetached([...writingPid, ...qemuCommand(machine)], { cwd: drawer.run, output, pass, env })
  } finally {
    for (const fd of files) close(fd)
  }
}

/** QEMU's own words, without the name that it puts before each line. */
async function refusal(vm: Vm, runAs: RunAs, cause: unknown): Promise<Failure> {
  const { drawer, id, call } = vm
  // Then the log keeper has written down what QEMU has said.
  await endHelpers(drawer.folder)
  const words = (readTail(drawer.qemuLog, wordsBytes) ?? '')
    .trim()
    .replaceAll(/^\S*(?:qemu-system-\S+|qemu-kvm|setpriv|sh): /gm, '')
  noteRefused(vm, words || messageOf(cause))
  if (words.includes('Could not set up host forwarding rule')) return portTaken(vm, words.replace(/^.*(?=Could not)/s, ''))
  const hints = [`the command: ${call} explain`]
  if (runAs.prefix.length > 0 && words.includes('Permission denied')) {
    hints.unshift(`QEMU runs as ${runAs.user}, who may not open that; if you trust the guest: run_as=root`)
  }
  if (words.includes('no slot/function available')) {
    hints.unshift(`the board has no room for so many devices; one for all drives: ${call} drive_if=scsi start`)
  }
  hints.push(...environmentHints(vm.folded))
  if (/Failed to get .*lock/.test(words)) {
    const { drivesInUse } = await import('../drive/inuse.js')
    const users = await drivesInUse(vm).catch(() => [])
    if (users.length > 0) return new Failure(`cannot start ${id}: ${users.join('; ')}`, { code: 'DRIVE_IN_USE', hints })
  }
  return words === ''
    ? new Failure(`cannot start ${id}`, { code: 'QEMU_REFUSED', cause, hints })
    : new Failure(`cannot start ${id}: QEMU refused: ${words}`, { code: 'QEMU_REFUSED', hints })
}
