// The record of a VM: what must not be lost. One small file, written as a whole, by nbsvm alone.
import path from 'node:path'
import { Failure, messageOf, UsageError } from '../../core/errors.js'
import { isVmId } from '../../core/name.js'
import { quoteWord } from '../../core/words.js'
import type { Place } from '../../host/place.js'
import { machineId } from '../../sys/environment.js'
import { list, listFolders, lstat, makePrivateFolder, remove, rename, syncFolder, writeWhole } from '../../sys/file.js'
import { readPlain } from '../../sys/plain.js'
import { joinLock } from '../../sys/lock.js'
import { removeFolder, removeTree } from '../../sys/removal.js'
import { randomHex } from '../../sys/stamp.js'
import { newIdentity, randomUuid } from './identity.js'
import { drawerOf, foreignTo, type Drawer } from './drawer.js'
import type { Moving } from './moves.js'
import { identityFrom01 } from './old.js'
import { parseRecord, recordFormat, type MachineRecord } from './shape.js'

export type { Accelerator, MachineRecord } from './shape.js'

/** What of a VM its record is made from. */
interface Subject {
  readonly place: Pick<Place, 'records'>
  readonly id: string
  readonly name: string
  readonly class: string | undefined
  readonly drawer: Drawer
}

/** Larger than any record. */
const largestBytes = 256 * 1024

/** A record is changed within milliseconds; longer is a hang. */
const lockWaitMs = 10_000

/** The folder of one VM's record and of what comes beside it. */
export function recordFolder({ records }: Pick<Place, 'records'>, id: string): string {
  return `${records}/${id}`
}

/** The record of a VM; undefined where it has none yet. Throws a Failure for one that cannot be read or is damaged. */
export function readRecord(place: Pick<Place, 'records'>, id: string): MachineRecord | undefined {
  const file = fileOf(place, id)
  let text: string | undefined
  try {
    text = readPlain(file, largestBytes)?.text
  } catch (error) {
    throw new Failure(`cannot read the record of ${id}`, {
      code: 'VM_DAMAGED',
      cause: error,
      hints: [`see who may: ls -l ${quoteWord(file)}`],
    })
  }
  try {
    return text === undefined ? undefined : parseRecord(text, id)
  } catch (error) {
    throw new Failure(`the record of ${id} is damaged: ${file}: ${messageOf(error)}`, {
      code: 'VM_DAMAGED',
      hints: [
        `look at it: cat ${quoteWord(file)}`,
        `if it cannot be mended: mv ${quoteWord(file)} ${quoteWord(`${file}.bad`)}`,
        'the next start then makes a new one: the same UUID and MAC addresses on this host, a new generation id, the newest board',
      ],
    })
  }
}

/** The record that a VM without one would get now; its generation id is random, and so `auto` here, which QEMU takes too. */
export function draftRecord(vm: Subject): MachineRecord {
  return draft(vm, hostId(vm.place) ?? randomHex(16))
}

/** The VM's record, which is made where it has none. Throws a UsageError where another VM has this id. */
export async function ensureRecord(vm: Subject): Promise<MachineRecord> {
  return (await ensure(vm)).record
}

/**
 * Makes something of a VM, its drive above all, with its record there before. One that was made for this is taken back where the
 * work fails and `isNothing` finds that nothing came of it.
 */
export async function whileRecorded<T>(
  vm: Subject,
  work: (isNew: boolean) => Promise<T>,
  isNothing: () => Promise<boolean>,
): Promise<T> {
  const { isNew } = await ensure(vm)
  try {
    return await work(isNew)
  } catch (error) {
    if (isNew && (await isNothing().catch(() => false))) await removeRecord(vm.place, vm.id).catch(() => {})
    throw error
  }
}

/**
 * Changes a record. `change` sees it as it is now, and runs alone of all that change records in this place, so it can look at
 * the others (`recordedUids`) as well. Throws a Failure where the VM has no record.
 */
export function updateRecord(
  place: Pick<Place, 'records'>,
  id: string,
  change: (record: MachineRecord) => MachineRecord,
): Promise<MachineRecord> {
  return alone(place, () => {
    const record = readRecord(place, id)
    if (record === undefined) throw new Failure(`there is no record of ${id}: ${fileOf(place, id)}`, { code: 'VM_MISSING' })
    const changed = change(record)
    if (JSON.stringify(changed) !== JSON.stringify(record)) write(place, id, changed)
    return changed
  })
}

/** Another generation id: for whenever a past state of a VM comes back. */
export function renewGeneration(record: MachineRecord): MachineRecord {
  return { ...record, generation: randomUuid() }
}

/** The machine of another VM, or of another time, as the VM that `now` is: what that is known by stays. */
export function asMachineOf(now: MachineRecord, then: MachineRecord): MachineRecord {
  const { uid: _, sshPort: __, ...machine } = then
  const { format, name, class: vmClass, uuid, macs, uid, sshPort } = now
  return {
    ...machine,
    format,
    name,
    class: vmClass,
    uuid,
    macs,
    ...(uid === undefined ? {} : { uid }),
    ...(sshPort === undefined ? {} : { sshPort }),
  }
}

/** Removes a record with all that is kept beside it. */
export async function removeRecord(place: Pick<Place, 'records'>, id: string): Promise<void> {
  if (!recordedIds(place).includes(id)) return
  await alone(place, () => removeTree(recordFolder(place, id)))
}

/** The VMs that have a folder among the records. */
export function recordedIds({ records }: Pick<Place, 'records'>): string[] {
  return listFolders(records).filter(isVmId)
}

/**
 * The users that VMs have for themselves. Where a record cannot be read, what its VM last ran as is still seen: its folder `run`
 * is that user's.
 */
export function recordedUids(place: Pick<Place, 'records' | 'state'>): Set<number> {
  const uids = new Set<number>()
  for (const id of recordedIds(place)) {
    const last = lstat(drawerOf(place.state, id).run)?.uid
    for (const uid of [quietUid(place, id), last]) if (uid !== undefined && uid !== 0) uids.add(uid)
  }
  return uids
}

function quietUid(place: Pick<Place, 'records'>, id: string): number | undefined {
  try {
    return readRecord(place, id)?.uid
  } catch {
    return undefined // one VM's damaged record keeps no other from its start
  }
}

/** Whether a VM is on its way from one machine to another (moves.ts), or was when something broke: a cheap look, for lists. */
export function hasMoves({ records }: Pick<Place, 'records'>): boolean {
  return list(`${records}/.moves`).some((name) => /\.(?:json|lock|tmp)$/.test(name))
}

/** Throws a Failure where the VM may be another machine's by now, or is not yet this one's. */
export async function refuseMoving(vm: Moving, doing: string): Promise<void> {
  if (!hasMoves(vm.place)) return
  const found = (await import('./moves.js')).whyNotOurs(vm)
  if (found !== undefined) throw new Failure(`cannot ${doing} ${vm.id}: ${found.why}`, { code: 'VM_MOVING', hints: found.hints })
}

async function ensure(vm: Subject): Promise<{ record: MachineRecord; isNew: boolean }> {
  const { place, id } = vm
  const known = readRecord(place, id)
  if (known !== undefined) return { record: ofThisVm(known, vm), isNew: false }
  return alone(place, () => {
    // Whoever was first has made it for all.
    const meanwhile = readRecord(place, id)
    if (meanwhile !== undefined) return { record: ofThisVm(meanwhile, vm), isNew: false }
    const record = renewGeneration(draft(vm, hostId(place) ?? keepHostId(place)))
    makePrivateFolder(recordFolder(place, id))
    write(place, id, record)
    return { record, isNew: true }
  })
}

function draft(vm: Subject, host: string): MachineRecord {
  const identity = identityFrom01(vm.id, vm.drawer) ?? newIdentity(host, vm.place, vm.id)
  return { format: recordFormat, name: vm.name, class: vm.class ?? null, ...identity, generation: 'auto' }
}

function ofThisVm(record: MachineRecord, vm: Subject): MachineRecord {
  requirePair(vm.id, record, { name: vm.name, class: vm.class ?? null })
  return record
}

/** A VM's name within its class: what its id alone does not tell. */
export type Pair = Pick<MachineRecord, 'name' | 'class'>

/** Two pairs of class and name can make one id, and with it one drawer and one set of drives. */
export function requirePair(id: string, there: Pair, wanted: Pair): void {
  if (there.class === wanted.class) return
  throw new UsageError(`${id} is ${words(there)}: ${words(wanted)} would have the same drawer and drives`, {
    code: 'VM_EXISTS',
    hints: [
      `the one that is there: nbsvm ${there.name}${there.class === null ? '' : ` class=${there.class}`}`,
      'another needs another name',
    ],
  })
}

const words = ({ name, class: vmClass }: Pair): string =>
  vmClass === null ? `the VM ${name}, without a class` : `${name} in class ${vmClass}`

/** One at a time, of all that write records in this place. */
async function alone<T>({ records }: Pick<Place, 'records'>, work: () => T): Promise<T> {
  // Root would lock a user out of his own records.
  const foreign = [records, path.dirname(records)].map(foreignTo).find((fault) => fault !== undefined)
  if (foreign !== undefined) throw foreign
  makePrivateFolder(records)
  const file = `${records}/.lock`
  const lock = await joinLock(file, lockWaitMs, 'exclusive', { lingers: true })
  if (lock === undefined)
    throw new Failure(`cannot lock the records of VMs: ${file}`, {
      code: 'BUSY',
      hints: [`see who does: fuser -v ${quoteWord(file)}`],
    })
  try {
    return work()
  } finally {
    lock.release()
  }
}

/** Removes what an nbsvm that was killed has left of a record that it wrote, and the folder where that was to be the first thing in it. */
export async function sweepRecord(place: Pick<Place, 'records'>, id: string): Promise<void> {
  const folder = recordFolder(place, id)
  const unfinished = (): string[] => list(folder).filter((name) => /^machine\.json\..*\.tmp$/.test(name))
  if (unfinished().length === 0) return
  // Who is not killed has the lock while it writes.
  await alone(place, () => {
    for (const name of unfinished()) remove(`${folder}/${name}`)
    if (list(folder).length === 0) removeFolder(folder)
  })
}

function write(place: Pick<Place, 'records'>, id: string, record: MachineRecord): void {
  const text = `${JSON.stringify(record, undefined, 2)}\n`
  // What could not be read again is never written.
  parseRecord(text, id)
  writeWhole(fileOf(place, id), text)
  for (const folder of [recordFolder(place, id), place.records]) trySync(folder)
}

/** Some file systems have no sync for folders. */
function trySync(folder: string): void {
  try {
    syncFolder(folder)
  } catch {
    // As said.
  }
}

function fileOf(place: Pick<Place, 'records'>, id: string): string {
  return path.join(recordFolder(place, id), 'machine.json')
}

/** The host's own id, or the one that was made up for it here. */
function hostId({ records }: Pick<Place, 'records'>): string | undefined {
  return machineId() ?? readPlain(`${records}/.host-id`, 100)?.text.trim()
}

function keepHostId({ records }: Pick<Place, 'records'>): string {
  const id = randomHex(16)
  writeWhole(`${records}/.host-id`, `${id}\n`)
  return id
}

/**
 * Takes in the record of a VM that comes from another machine. One that is here goes to `aside`, with what stands beside it; without
 * that it throws a Failure where there is one. `onFree` comes before the first that is written, when nobody else can take the name.
 */
export async function adoptRecord(
  vm: Subject,
  record: MachineRecord,
  { aside, onFree }: { readonly aside?: string; readonly onFree?: () => void } = {},
): Promise<void> {
  const { place, id } = vm
  // Its user there is nobody here.
  const { uid: _, ...own } = record
  await alone(place, () => {
    const folder = recordFolder(place, id)
    const uid = aside === undefined ? undefined : readRecord(place, id)?.uid
    if (aside !== undefined) rename(folder, aside)
    if (lstat(folder) !== undefined) throw new Failure(`there is a VM ${id} already`, { code: 'VM_EXISTS' })
    onFree?.()
    makePrivateFolder(folder)
    const named = { ...own, name: vm.name, class: vm.class ?? null }
    try {
      write(place, id, uid === undefined ? named : { ...named, uid })
    } catch (error) {
      removeTree(folder)
      throw error
    }
  })
}

/** Puts one that went aside back, in the place of what is there now. */
export async function restoreRecord(place: Pick<Place, 'records'>, id: string, aside: string): Promise<void> {
  await alone(place, () => {
    removeTree(recordFolder(place, id))
    rename(aside, recordFolder(place, id))
    trySync(place.records)
  })
}
