// A QEMU that somebody has started by hand becomes a VM, as it runs. It is asked, and never stopped, paused or ended for that.
import path from 'node:path'
import { Failure } from '../../core/errors.js'
import { quoteWords } from '../../core/words.js'
import { settingsTable, type SettingName } from '../../config/settings.js'
import type { SettingTexts } from '../../config/fold.js'
import { archOfProgram } from '../../qemu/program.js'
import { journalLine } from '../../qemu/journal.js'
import { withQmp, type Qmp } from '../../qemu/qmp.js'
import { bootId, isRoot, ownUid } from '../../sys/environment.js'
import { findProgram, realPath, remove, rename, stat, writeInto } from '../../sys/file.js'
import { setLink } from '../../sys/link.js'
import { hasOpen } from '../../sys/process.js'
import { readProcess } from '../../sys/oneprocess.js'
import { noteAdded } from '../record/added.js'
import { claimDrawer, historyIn, makeRun } from '../record/drawer.js'
import { lockMove, moverOf, unlockMove } from '../record/moves.js'
import { readRecord } from '../record/record.js'
import { isRunning } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import { absoluteIn, readAdoptee, refuseOurs, type Adoptee } from './adoptee.js'
import { freshRecord } from './believed.js'
import { nextStart } from './handline.js'
import { startHolder, type Holder } from './holder.js'
import { makeNew, noteOwnFile, requireFree, type Importing } from './makenew.js'

/** QEMU answers at once, unless another client is at its socket. */
const qmpTimeoutMs = 5000

/** Somebody may be making or removing a VM of that name. */
const lockWaitMs = 10_000

/** What QEMU calls what it has opened for us. */
const chardevs = { lock: 'nbsvm-lock', alive: 'nbsvm-alive' } as const

export interface Taken {
  readonly id: string
  readonly pid: number
  readonly state: 'running' | 'paused'
  /** Which of these can be reached. */
  readonly has: readonly string[]
  /** Lines that were added to its settings file. */
  readonly added: readonly string[]
}

/** Makes the QEMU that `pid` is the VM `asked`, or that again where what held its lock has gone. */
export async function adoptQemu(asked: Vm, pid: number, importing: Importing): Promise<Taken> {
  const { signal, note } = importing
  const adoptee = readAdoptee(asked, pid)
  for (const one of adoptee.missing) note?.(`not taken over: ${one}`)
  const { sockets } = adoptee
  const has = (['console', 'monitor', 'agent', 'vnc'] as const).filter((socket) => sockets[socket] !== undefined)
  const isAgain = readRecord(asked.place, asked.id) !== undefined && hasLockOpen(asked, pid)
  if (isAgain) {
    const tie = await whileAlone(asked, () => tieTo(asked, adoptee, signal))
    tie.count()
    return { id: asked.id, pid, state: tie.state, has, added: [] }
  }
  requireFree(asked)
  if (isRunning(asked.drawer)) throw new Failure(`there is a VM ${asked.id} already, at work`, { code: 'VM_EXISTS' })
  const { settings, uuid, leftOut } = next(adoptee)
  noteOwnFile(asked, note)
  for (const one of leftOut) note?.(`not taken over: ${one}`)
  const fresh = freshRecord(asked)
  let tie: Tie | undefined
  const last = async (vm: Vm): Promise<void> => {
    tie = await tieTo(vm, adoptee, signal)
  }
  const record = uuid === undefined ? fresh : { ...fresh, uuid }
  const made = { from: `pid ${pid}`, record, settings, drives: [], fill: () => Promise.resolve(), last }
  try {
    const added = await makeNew(asked, made, importing)
    if (tie === undefined) throw new Error('it was not tied')
    const { count, state } = tie
    tie = undefined
    count()
    return { id: asked.id, pid, state, has, added }
  } finally {
    await tie?.abandon()
  }
}

/** The settings of its next start, as texts. */
function next({ process, program, options }: Adoptee): ReturnType<typeof nextStart> {
  const found = nextStart(program, options, (file) => absoluteIn(process, file))
  const usual = findProgram(`qemu-system-${archOfProgram(program) ?? ''}`)
  const isUsual = usual !== undefined && realPath(usual) === program
  const settings: SettingTexts = {
    ...found.settings,
    ...(isUsual ? {} : { qemu: program }),
    // The files are root's, and the user that a VM has for itself may not open them.
    ...(isRoot() ? { run_as: 'root' } : {}),
  }
  for (const [name, text] of Object.entries(settings)) settingsTable[name as SettingName].quantity.parse(text)
  return { ...found, settings }
}

async function whileAlone<T>({ place, id }: Vm, work: () => Promise<T>): Promise<T> {
  const lock = await lockMove(place, id, `adopt ${id}`, lockWaitMs)
  if (lock === undefined) throw new Failure(`cannot adopt ${id}: ${moverOf(place, id)} is at it`, { code: 'BUSY' })
  try {
    return await work()
  } finally {
    unlockMove(place, id, lock)
  }
}

function hasLockOpen({ drawer }: Vm, pid: number): boolean {
  const lock = stat(drawer.lock)
  return lock !== undefined && hasOpen(pid, lock)
}

/** A QEMU and a VM's lock, together for as long as this process lives. */
interface Tie {
  readonly state: 'running' | 'paused'
  /** From now on the VM runs, whatever becomes of this process: three steps that wait for nothing. */
  readonly count: () => void
  readonly abandon: () => Promise<void>
}

/** Has the lock held for QEMU, and lays out the drawer as a start does. Where that fails QEMU and the lock are as before. */
async function tieTo(vm: Vm, adoptee: Adoptee, signal: AbortSignal | undefined): Promise<Tie> {
  const { drawer } = vm
  const { process, sockets } = adoptee
  claimDrawer(drawer)
  const holder = await startHolder(vm)
  try {
    makeRun(drawer, { uid: ownUid(), gid: ownUid() })
    for (const socket of ['monitor', 'console', 'agent', 'vnc'] as const) {
      const leads = sockets[socket]
      if (leads !== undefined) setLink(leads, drawer[socket])
    }
    // It has its name only when all is done: whoever is to clean up before that must not find a QEMU to end.
    const qmpLink = `${drawer.run}/adopting.sock`
    setLink(sockets.qmp, qmpLink)
    const state = await withQmp(qmpLink, { timeoutMs: qmpTimeoutMs, signal }, async (qmp) => {
      await openIn(qmp, vm, adoptee, holder)
      const [{ status }, kvm] = await Promise.all([qmp.execute('query-status'), qmp.execute('query-kvm').catch(() => undefined)])
      const found = status === 'running' ? 'running' : 'paused'
      layOut(vm, adoptee, found, kvm?.enabled === true ? 'kvm' : 'tcg')
      return found
    })
    const count = (): void => {
      rename(qmpLink, drawer.qmp)
      writeInto(drawer.pid, `${process.pid}\n`)
      holder.go()
    }
    return { state, count, abandon: holder.abandon }
  } catch (error) {
    await holder.abandon()
    throw error
  }
}

/**
 * Has QEMU open the VM's lock, by which its process is known to be the VM's, and the FIFO, whose end is QEMU's. Nobody is at
 * either device. Throws a Failure where it was not that process that did it.
 */
async function openIn(qmp: Qmp, vm: Vm, { process: { pid, startedMs } }: Adoptee, { alive }: Holder): Promise<void> {
  const { lock } = vm.drawer
  // Whoever else adopts it has had his turn at this socket before, or will have it after.
  const now = readProcess(pid)
  if (now === undefined || now.startedMs !== startedMs) throw new Failure(`pid ${pid} has just ended`, { code: 'VM_NOT_RUNNING' })
  refuseOthers(vm, now)
  const forget = async (id: string): Promise<void> => void (await qmp.execute('chardev-remove', { id }).catch(() => {}))
  try {
    await forget(chardevs.lock)
    await qmp.execute('chardev-add', { id: chardevs.lock, backend: { type: 'file', data: { out: lock, append: true } } })
    await forget(chardevs.alive)
    await qmp.execute('chardev-add', { id: chardevs.alive, backend: { type: 'pipe', data: { device: alive } } })
    const isThere = (file: string): boolean => {
      const found = stat(file)
      return found !== undefined && hasOpen(pid, found)
    }
    if (!isThere(lock) || !isThere(alive))
      throw new Failure(`who answers at its socket is not pid ${pid}, or sees other files than nbsvm does`, {
        code: 'QEMU_REFUSED',
      })
  } catch (error) {
    for (const id of Object.values(chardevs)) await forget(id)
    throw new Failure(`cannot have QEMU open ${lock}`, { code: 'QEMU_REFUSED', cause: error })
  }
}

/** Of this VM the lock is held for it just now. */
function refuseOthers(vm: Vm, now: Adoptee['process']): void {
  refuseOurs(vm, { ...now, files: now.files.filter((file) => path.dirname(file) !== vm.drawer.folder) })
}

/** What a start writes down. What was before is history. */
function layOut(
  { id, drawer, settings }: Vm,
  { process, program, sockets }: Adoptee,
  state: Taken['state'],
  accelerator: 'kvm' | 'tcg',
): void {
  for (const file of historyIn(drawer)) remove(file)
  const { mem, smp, machine, cpu, forward } = settings
  const arch = archOfProgram(program)
  const started = {
    nbsvm: 'started',
    at: Math.round(process.startedMs),
    bootId: bootId(),
    accelerator,
    ...(machine === undefined ? {} : { machine }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(arch === undefined ? {} : { arch }),
    memBytes: mem,
    cpus: smp,
    forwards: forward ?? [],
  } as const
  writeInto(drawer.journal, journalLine(started))
  // As QEMU would have reported it. Since when it is paused nobody knows.
  const sinceMs = state === 'running' ? started.at : Date.now()
  const timestamp = { seconds: Math.floor(sinceMs / 1000), microseconds: (sinceMs % 1000) * 1000 }
  writeInto(drawer.events, `${JSON.stringify({ timestamp, event: state === 'running' ? 'RESUME' : 'STOP' })}\n`)
  writeInto(drawer.command, `# ${id} was started by hand, as:\n${quoteWords(process.words)}\n`)
  noteAdded(drawer, { adopted: { agent: sockets.agentName ?? null } })
}
