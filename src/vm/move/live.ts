// A VM that runs goes to another machine, and its guest goes on there.
import { Failure } from '../../core/errors.js'
import type { Drive } from '../../model/drive.js'
import { deviceNode } from '../../qemu/device/drive.js'
import { withJobs } from '../../qemu/jobs.js'
import * as migration from '../../qemu/migration.js'
import type { Qmp } from '../../qemu/qmp.js'
import { losesWrites } from '../../qemu/ram.js'
import type { Store } from '../../store/store.js'
import { hostName } from '../../sys/environment.js'
import { readBytes } from '../../sys/file.js'
import { whenKilled } from '../../sys/talk.js'
import { nodeOf } from '../drive/live.js'
import type { Movable } from '../life/movable.js'
import { jobOf } from '../record/added.js'
import { writeMark, type Mark } from '../record/moves.js'
import { readRecord } from '../record/record.js'
import { journalOf } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import { settleAdded } from '../life/attached.js'
import { controllerArgs } from '../life/hot.js'
import { requireMovable } from './bound.js'
import { Dialogue, type Partner } from './dialogue.js'
import { givenMark, newMark, settling, type Have, type MoveCaller, type Moved, type MoveOptions } from './going.js'
import { give, leave, stays } from './leave.js'
import { packParcel, parcelLine, requireSame, type Live } from './parcel.js'
import { openDoors } from './passage.js'

/** QEMU answers at once, but for a host under load. */
const answerTimeoutMs = 60_000

/** A disk for cloud-init is not larger. */
const largestSeed = 16 * 1024 ** 2

type Result = Pick<Moved, 'result' | 'stoodStillMs'>

interface Going {
  readonly vm: Vm
  readonly store: Store
  readonly drives: readonly Drive[]
  readonly to: Partner
  readonly options: MoveOptions
  readonly caller: MoveCaller
  readonly qmp: Qmp
}

export async function moveLive(vm: Vm, store: Store, to: Partner, options: MoveOptions, caller: MoveCaller): Promise<Result> {
  const { id, drawer } = vm
  const job = jobOf(drawer, `move ${id} to ${options.host}`)
  const drives = await store.drives(id)
  await settleAdded(vm, job.doing, caller.signal)
  const movable = requireMovable(vm, drives)
  const watch = whenKilled(settling(vm))
  try {
    const { given, dialogue, stoodStillMs } = await withJobs(job, { timeoutMs: answerTimeoutMs }, async (qmp) => {
      const going: Going = { vm, store, drives, to, options, caller, qmp }
      return send(going, await liveOf(going, movable))
    })
    await leave(vm, given, caller)
    await dialogue.farewell()
    return { result: 'moved', stoodStillMs }
  } finally {
    watch.dismiss()
  }
}

/** What goes along of the machine as QEMU has it now. Throws a Failure where its guest does not stand or run. */
async function liveOf({ vm, qmp }: Going, movable: Movable): Promise<Live> {
  const { status } = await qmp.execute('query-status')
  if (status !== 'running' && status !== 'paused')
    throw new Failure(`cannot move ${vm.id}: its guest neither runs nor is paused (${status})`, {
      code: 'MOVE_IMPOSSIBLE',
      hints: [`see it: ${vm.call}`],
    })
  // `q35` is another board in another QEMU.
  const type = await qmp.execute('qom-get', { path: '/machine', property: 'type' })
  const { args } = movable.machine
  const machine = {
    ...movable.machine,
    ...(typeof type === 'string' ? { type: type.replace(/-machine$/, '') } : {}),
    args: [...args, ...(await controllerArgs(qmp, args))],
  }
  return {
    movable: { ...movable, machine },
    qemu: journalOf(vm.drawer).started?.qemu ?? '0',
    ran: status === 'running',
    seed: machine.seed === 'disk' ? readBytes(vm.drawer.seed, largestSeed) : undefined,
  }
}

interface Given {
  readonly given: Mark
  readonly dialogue: Dialogue
  readonly stoodStillMs: number | null
}

/** Sends all of it, and gives it away. Where that fails, its guest goes on here. */
async function send(going: Going, live: Live): Promise<Given> {
  const { vm, store, drives, to, caller, qmp } = going
  const { place, id } = vm
  const record = readRecord(place, id)
  if (record === undefined) throw new Failure(`there is no record of ${id}`, { code: 'VM_MISSING' })
  const mark = newMark(record.uuid, to, store, live.ran)
  const parcel = await packParcel(vm, store, drives, { kind: 'move', token: mark.token, from: hostName(), record, live })
  writeMark(place, id, mark)
  let dialogue: Dialogue | undefined
  try {
    dialogue = await Dialogue.open(to, caller)
    await dialogue.write(parcelLine(parcel))
    const { folder, doors } = await dialogue.expect('ready', caller.signal)
    if (doors === null) throw new Failure(`${to.machine.host} does not wait for a VM that runs`, { code: 'MOVE_IMPOSSIBLE' })
    await requireSame(vm, store, drives)
    const passage = await openDoors(vm, to.machine, { folder, doors })
    try {
      const { stoppedAtMs, have } = await transfer(going, live, dialogue, { ...doors, hasDrives: !store.isShared })
      const given = givenMark(vm, mark, have)
      await give(vm, given, { machine: to.machine, dialogue })
      return { given, dialogue, stoodStillMs: stoppedAtMs === undefined ? null : Date.now() - stoppedAtMs }
    } finally {
      await passage.close()
    }
  } catch (error) {
    throw await stays(vm, error, {
      dialogue,
      signal: caller.signal,
      // One that has ended cannot go on; it is off here then.
      goOn: () => migration.undoMigration(qmp, mark).catch(() => {}),
    })
  }
}

interface Passage {
  readonly ram: string
  readonly drives: string
  readonly hasDrives: boolean
}

/** Mirrors drives, sends RAM, and stops the guest for the rest; resolves when the other side has all of it. */
async function transfer(
  { drives, caller, options, qmp }: Going,
  { ran, qemu, movable: { machine } }: Live,
  dialogue: Dialogue,
  passage: Passage,
): Promise<{ readonly stoppedAtMs: number | undefined; readonly have: Have }> {
  const { signal, onProgress } = caller
  // Whatever the other side says meanwhile is that it cannot go on.
  let fault: unknown
  const have = dialogue.expect('have')
  have.catch((error: unknown) => (fault = error))
  const check = (): void => {
    signal?.throwIfAborted()
    if (fault !== undefined) throw fault
  }
  const far = { check, onFar: ({ doneBytes, totalBytes }: migration.Far) => onProgress(doneBytes, totalBytes) }
  // One that was frozen, or woken, has it off.
  await migration.describeState(qmp, true)
  await migration.prepareMigration(qmp, options.downtimeMs)
  const stopped = ran ? qmp.waitFor('STOP') : undefined
  if (ran && losesWrites(machine, qemu)) await qmp.execute('stop')
  const names: string[] = []
  for (const drive of passage.hasDrives ? drives : []) {
    const node = await nodeOf(qmp, drive)
    if (node === undefined) throw new Failure(`its QEMU does not tell where it writes ${drive.name}`)
    const name = `${migration.mirrorPrefix}${drive.number}`
    names.push(name)
    await migration.beginMirror(qmp, { name, node, socket: passage.drives, exportName: deviceNode(drive.number) })
  }
  await migration.untilMirrored(qmp, names, far)
  await migration.sendRam(qmp, passage.ram, far, stopped)
  if (names.length > 0) await migration.endMirrors(qmp, names)
  await migration.switchOver(qmp)
  const had = await Promise.race([have, migration.untilFailed(qmp)])
  await migration.untilOver(qmp)
  return { stoppedAtMs: (await stopped)?.atMs, have: had }
}
