import path from 'node:path'
import { Failure } from '../../core/errors.js'
import { makePrivateFolder, remove } from '../../sys/file.js'
import { joinLock, waitLock } from '../../sys/lock.js'
import { driveLockName, storeLockName } from './entry.js'

const waitMs = 60_000

/**
 * Does something that changes which image stands on which, alone in this store. Milliseconds only: everybody waits for it,
 * so nothing is copied and no QEMU is talked to inside.
 */
export async function withStoreLock<T>(folder: string, work: () => T): Promise<T> {
  makePrivateFolder(folder)
  const file = path.join(folder, storeLockName)
  const lock = await joinLock(file, waitMs, 'exclusive', { lingers: true })
  if (lock === undefined) {
    throw new Failure(`the drives in ${folder} are being changed by another nbsvm, for ${waitMs / 1000} s now`, {
      code: 'BUSY',
      hints: [`see who it is: fuser -v ${file}`],
    })
  }
  try {
    return work()
  } finally {
    lock.release()
  }
}

/** Switches a running VM's drive to a new layer, one at a time for each drive. */
export async function withDriveLock<T>(folder: string, name: string, work: () => Promise<T>): Promise<T> {
  const file = path.join(folder, driveLockName(name))
  const lock = await waitLock(file, waitMs)
  if (lock === undefined)
    throw new Failure(`a snapshot of ${name} is being made by another nbsvm, for ${waitMs / 1000} s now`, { code: 'BUSY' })
  try {
    return await work()
  } finally {
    remove(file)
    lock.release()
  }
}
