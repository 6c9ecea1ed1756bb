// The QEMU that a running VM comes to.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { openDrives } from '../../qemu/migration.js'
import { asPortable, onOwnNetwork } from '../../qemu/portable.js'
import { release } from '../../qemu/release.js'
import { deviceNode } from '../../qemu/device/drive.js'
import { withJobs } from '../../qemu/jobs.js'
import type { Qmp } from '../../qemu/qmp.js'
import type { Machine } from '../../model/machine.js'
import { pause } from '../../sys/clock.js'
import type { Plan } from '../life/plan.js'
import { startVm } from '../life/start.js'
import type { Vm } from '../record/vm.js'
import type { Live, Parcel } from './parcel.js'

/** A busy host, with a QEMU that takes in gigabytes. */
const answerTimeoutMs = 60_000

/** The guest stands still meanwhile. */
const lookMs = 3

/** Throws a Failure where this machine's QEMU cannot be the one that the guest knows. */
function checkQemu({ version, machines }: Plan['host'], { movable, qemu }: Live): void {
  const { type } = movable.machine
  const hints = ['install a QEMU that is as new there, or move it while it is off']
  if (!machines.includes(type))
    throw new Failure(`QEMU ${version} of this machine has no ${type}, which is the board of its guest`, {
      code: 'MOVE_IMPOSSIBLE',
      hints,
    })
  if (release(version) < release(qemu))
    throw new Failure(`it runs in QEMU ${qemu}, and this machine has ${version}, which is older`, {
      code: 'MOVE_IMPOSSIBLE',
      hints,
    })
}

/** Starts the QEMU, which waits. */
export async function startIncoming(vm: Vm, live: Live, { sharedStore }: Parcel, caller: Caller): Promise<void> {
  const { machine } = live.movable
  const shape = (plan: Plan): Machine => {
    checkQemu(plan.host, live)
    const same = asPortable(plan.machine, machine)
    return { ...same, args: [...same.args, '-incoming', 'defer', '-S'] }
  }
  const arriving = {
    shape,
    passt: !onOwnNetwork(machine),
    seed: live.seed,
    movable: JSON.stringify(live.movable),
    sharesDrives: sharedStore !== undefined,
  }
  await startVm(vm, [], caller, arriving)
}

/** Where its RAM and its drives come in: sockets in the QEMU's own folder. */
export interface Doors {
  readonly ram: string
  readonly drives: string
}

/** Opens them, and does `work` with QEMU. */
export function withIncoming<T>(
  vm: Vm,
  { ram, drives }: Doors,
  numbers: readonly number[],
  work: (qmp: Qmp) => Promise<T>,
): Promise<T> {
  const { drawer, id } = vm
  const job = { socket: drawer.jobs, lock: drawer.jobsLock, doing: `take in ${id}` }
  return withJobs(job, { timeoutMs: answerTimeoutMs }, async (qmp) => {
    if (numbers.length > 0) await qmp.execute('nbd-server-start', { addr: { type: 'unix', data: { path: drives } } })
    for (const number of numbers) {
      const node = deviceNode(number)
      await qmp.execute('block-export-add', { type: 'nbd', id: node, 'node-name': node, name: node, writable: true })
    }
    await qmp.execute('migrate-incoming', { uri: `unix:${ram}` })
    return work(qmp)
  })
}

/** Waits until QEMU has all of the guest. */
export async function untilCame(qmp: Qmp, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const { status, 'error-desc': why } = await qmp.execute('query-migrate')
    if (status === 'completed') return
    if (status === 'failed')
      throw new Failure(`QEMU cannot take it in${why === undefined ? '' : `: ${why}`}`, { code: 'MOVE_IMPOSSIBLE' })
    await pause(lookMs, signal)
  }
}

/** Lets the guest go on here where it ran, and tells the network where it is now. */
export async function goOn(qmp: Qmp, ran: boolean): Promise<void> {
  if (!ran) return openDrives(qmp)
  await qmp.execute('cont')
  const rounds = { initial: 50, max: 550, rounds: 5, step: 100 }
  await qmp.execute('announce-self', rounds).catch(() => {})
}
