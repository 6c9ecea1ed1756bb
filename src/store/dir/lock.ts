import path from 'node:path'
import { Failure } from '../../core/errors.js'
import { close, makePrivateFolder, open, remove } from '../../sys/file.js'
import { lockOpen, waitLock } from '../../sys/lock.js'
import { run } from '../../sys/process.js'
import { driveLockName, storeLockName } from './name.js'

const storeWaitMs = 60_000
const driveWaitMs = 30_000

/**
 * Does something that changes which image stands on which, alone in this store. Milliseconds only: everybody waits for it,
 * so nothing is copied and no QEMU is talked to inside.
 */
export async function withStoreLock<T>(folder: string, work: () => T): Promise<T> {
  makePrivateFolder(folder)
  const fd = open(path.join(folder, storeLockName), 'lock')
  try {
    // Waiting is left to the kernel, so that twenty who wait cost nothing.
    if (!lockOpen(fd))
      await run(['flock', '3'], { pass: [fd], timeoutMs: storeWaitMs }).then(({ status }) => checkLocked(folder, status))
    return work()
  } finally {
    close(fd)
  }
}

function checkLocked(folder: string, status: number): void {
  if (status === 0) return
  throw new Failure(`the drives in ${folder} are being changed by another nbsvm, for ${storeWaitMs / 1000} s now`, {
    hints: [`see who holds ${storeLockName} there: fuser -v ${path.join(folder, storeLockName)}`],
  })
}

/** Switches a running VM's drive to a new layer, one at a time for each drive. */
export async function withDriveLock<T>(folder: string, name: string, work: () => Promise<T>): Promise<T> {
  const file = path.join(folder, driveLockName(name))
  const lock = await waitLock(file, driveWaitMs)
  if (lock === undefined)
    throw new Failure(`a snapshot of ${name} is being made by another nbsvm, for ${driveWaitMs / 1000} s now`)
  try {
    return await work()
  } finally {
    remove(file)
    lock.release()
  }
}
