import { Failure } from '../core/errors.js'
import { pasteable, qemuCommand } from '../qemu/command.js'
import type { Machine, Words } from '../qemu/machine.js'
import { journalLine } from '../qemu/journal.js'
import { connectQmp } from '../qemu/qmp.js'
import { bootId } from '../sys/environment.js'
import { appendText, close, makePrivateFolder, open, readText, remove, writeWhole } from '../sys/file.js'
import { waitLock, type Lock } from '../sys/lock.js'
import { startDetached } from '../sys/process.js'
import type { Drawer } from './drawer.js'
import { planMachine, type Plan } from './machine.js'
import { qemuPid } from './state.js'
import type { Vm } from './vm.js'

/** A look at a lock holds it for a moment, so a start waits this long before it says that the VM runs. */
const lockWaitMs = 150

/** How long QEMU may take to its first answer: a minute is a machine under heavy load, more is a hang. */
const answerTimeoutMs = 60_000

export interface Started {
  readonly pid: number
  readonly plan: Plan
}

/**
 * Starts a VM and returns once its QEMU answers. `options` are QEMU options behind all others. Throws a Failure when it
 * runs already, or with QEMU's own words when QEMU refuses; then nothing is left running.
 */
export async function startVm(vm: Vm, options: Words): Promise<Started> {
  const { drawer } = vm
  makePrivateFolder(drawer.folder)
  const lock = await waitLock(drawer.lock, lockWaitMs)
  if (lock === undefined) throw runsAlready(vm)
  try {
    const plan = await planMachine(vm, options)
    layOut(vm, plan)
    const pid = await launch(vm, plan.machine, lock)
    return { pid, plan }
  } finally {
    // From here on QEMU alone holds the lock, if it is there.
    lock.release()
  }
}

function runsAlready(vm: Vm): Failure {
  const pid = qemuPid(vm.drawer)
  if (pid === undefined) return new Failure(`cannot start ${vm.id}: it is starting already, or its drives are being worked on`)
  return new Failure(`cannot start ${vm.id}: it runs already as pid ${pid}`, {
    hints: [`see it: ${vm.call}`, `restart it: ${vm.call} stop start`],
  })
}

/** Makes the drawer ready for a new run: what the last one left is history. */
function layOut({ drawer, class: vmClass }: Vm, { machine, host }: Plan): void {
  for (const file of [drawer.pid, drawer.qmp, drawer.monitor, drawer.console, drawer.vnc, drawer.consoleLog, drawer.events])
    remove(file)
  if (vmClass !== undefined) writeWhole(drawer.class, `${vmClass}\n`)
  writeWhole(drawer.command, `${pasteable(machine, drawer.folder)}\n`)
  appendText(
    drawer.events,
    journalLine({ nbsvm: 'started', at: Date.now(), bootId: bootId(), qemu: host.version, ...summary(machine) }),
  )
}

/** What `status` tells of a running machine, written down because settings may change while it runs. */
function summary({ accelerator, type, memBytes, cpus, nics }: Machine) {
  const forwards = 'words' in nics ? [] : nics.flatMap(({ backend }) => (backend.kind === 'user' ? backend.forwards : []))
  return { accelerator, machine: type, memBytes, cpus, forwards }
}

async function launch(vm: Vm, machine: Machine, lock: Lock): Promise<number> {
  const { drawer } = vm
  const output = open(drawer.qemuLog, 'truncate')
  const qemu = startDetached(qemuCommand(machine), { cwd: drawer.folder, output, pass: [lock.fd] })
  close(output)
  try {
    const qmp = await connectQmp(drawer.qmp, { timeoutMs: answerTimeoutMs, ended: qemu.ended })
    // The greeting comes from a thread of its own; an answer comes only when all devices are there.
    await qmp.execute('query-status')
    qmp.close()
    return qemu.pid
  } catch (error) {
    qemu.kill()
    await qemu.ended.catch(() => {})
    throw refusal(vm, drawer, error)
  }
}

/** QEMU's own words, without the name that it puts before each line. */
function refusal(vm: Vm, drawer: Drawer, cause: unknown): Failure {
  const words = (readText(drawer.qemuLog) ?? '').trim().replaceAll(/^\S*qemu-system-\S+: /gm, '')
  if (words === '') return new Failure(`cannot start ${vm.id}`, { cause, hints: [`the command was: ${drawer.command}`] })
  return new Failure(`cannot start ${vm.id}: QEMU refused: ${words}`, { hints: [`the command: ${vm.call} explain`] })
}
