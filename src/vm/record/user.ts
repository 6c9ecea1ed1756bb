// The user that a VM's QEMU runs as. Each of root's VMs has one of its own, noted in its record: no VM can reach another's
// process, memory, sockets or files, and whatever runs as that user is that VM.
import { Failure } from '../../core/errors.js'
import { helperStates } from '../../helper/helpers.js'
import { freeUid, isVmsUser, killProcesses, processesOf, runAs, type RunAs } from '../../host/runas.js'
import { isRoot } from '../../sys/environment.js'
import { lstat } from '../../sys/file.js'
import { tryLock } from '../../sys/lock.js'
import { readRecord, recordedUids, updateRecord } from './record.js'
import type { Vm } from './vm.js'

/** Whom the VM runs as, or would run as where it has no user of its own yet. */
export function userOf({ place, id, settings }: Pick<Vm, 'place' | 'id' | 'settings'>): RunAs {
  const ownUid = (): number => {
    const record = readRecord(place, id)
    return record?.uid ?? newUid(place, record?.uuid ?? id)
  }
  return runAs(settings.run_as, ownUid)
}

/** Gives one of root's VMs, which has a record, a user of its own, for good. */
export async function claimUser({ place, id, settings }: Vm): Promise<void> {
  if (!isRoot() || settings.run_as !== undefined || readRecord(place, id)?.uid !== undefined) return
  await updateRecord(place, id, (record) => {
    return record.uid === undefined ? { ...record, uid: newUid(place, record.uuid) } : record
  })
}

/** A VM that nbsvm 0.1 started has its UUID from its name alone, so the place counts too. */
function newUid(place: Vm['place'], uuid: string): number {
  return freeUid(new Set(recordedUids(place).keys()), `${place.records} ${uuid}`)
}

/**
 * Throws a Failure where the VM's own user has a process although nobody holds the VM's lock: a QEMU that was taken over may
 * have let go of it and still write to the drives.
 */
export async function refuseSurvivors(vm: Vm, doing: string): Promise<void> {
  const user = ownUserOf(vm)
  const all = user === undefined ? [] : await processesOf(user)
  // A TPM whose QEMU is gone is ended with the other helpers.
  const helpers = all.length === 0 ? [] : helperStates(vm.drawer.folder).map(({ pid }) => pid)
  const pids = all.filter((pid) => !helpers.includes(pid))
  if (user === undefined || pids.length === 0) return
  throw new Failure(
    `cannot ${doing}: something still runs as its user, ${user.user}, without the VM's lock: pid ${pids.join(', ')}`,
    { code: 'BUSY', hints: [`see it: ps -fp ${pids.join(',')}`, `end it: ${vm.call} stop`] },
  )
}

/** Ends all that runs as the VM's own user, unless somebody has the VM's lock: it starts then. Says whether there was anything. */
export async function endSurvivors(vm: Vm): Promise<boolean> {
  const user = ownUserOf(vm)
  if (user === undefined || (await processesOf(user)).length === 0) return false
  const lock = tryLock(vm.drawer.lock, `stop ${vm.id}`)
  if (lock === undefined) return false
  try {
    await killProcesses(user)
  } finally {
    lock.release()
  }
  return true
}

/** Ends all that runs as the VM's own user, whoever has its lock. Returns the processes. */
export async function endOwnUser(vm: Vm): Promise<number[]> {
  const user = ownUserOf(vm)
  const pids = user === undefined ? [] : await processesOf(user)
  if (user !== undefined && pids.length > 0) await killProcesses(user)
  return pids
}

/** The user that is this VM's alone, where it has run as one: the folder that root gave it says so, whatever became of the record. */
function ownUserOf({ drawer }: Vm): RunAs | undefined {
  const uid = isRoot() ? lstat(drawer.run)?.uid : undefined
  return uid !== undefined && isVmsUser(uid) ? runAs(undefined, () => uid) : undefined
}
