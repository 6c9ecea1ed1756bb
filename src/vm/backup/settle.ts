// What a backup that was killed has left in a VM that runs: its guest's file systems go on, and QEMU keeps nothing for it any more.
import type { Caller } from '../../core/caller.js'
import { withJobs } from '../../qemu/jobs.js'
import { qemuPid } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import { letFilesGo } from './files.js'
import { clearBackup } from './live.js'

const answerTimeoutMs = 30_000

export async function settleBackup(vm: Vm, caller: Caller): Promise<void> {
  const { id, drawer } = vm
  if (qemuPid(drawer) === undefined) return
  await letFilesGo(vm, caller)
  const job = { socket: drawer.jobs, lock: drawer.jobsLock, doing: `settle a backup of ${id}` }
  await withJobs(job, { timeoutMs: answerTimeoutMs }, (qmp) => clearBackup(drawer, qmp))
}
