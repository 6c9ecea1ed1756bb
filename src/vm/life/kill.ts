import { stat } from '../../sys/file.js'
import { commandLine, openers, signalProcess } from '../../sys/process.js'
import { ownPid } from '../../sys/self.js'
import { isAdopted } from '../record/added.js'
import { qemuPid } from '../record/state.js'
import type { Vm } from '../record/vm.js'

/**
 * Kills the QEMU of a VM, and whatever it was started through: every process that has the VM's lock open and was started with the
 * VM's name, be its number known or not. `first` is called before, if there is one. Returns their numbers.
 */
export function killQemu({ id, drawer }: Pick<Vm, 'id' | 'drawer'>, first: () => void = () => {}): number[] {
  const lock = stat(drawer.lock)
  if (lock === undefined) return []
  // One that was started by hand may have any name.
  const adopted = isAdopted(drawer) ? qemuPid(drawer) : undefined
  const pids = openers(lock)
    .map(({ pid }) => pid)
    .filter((pid) => pid !== ownPid && (pid === adopted || isQemuOf(id, pid)))
  if (pids.length > 0) first()
  return pids.filter((pid) => signalProcess(pid, 'SIGKILL'))
}

/** `-name guest=ID` is the first option of every QEMU that nbsvm starts; what runs nbsvm has no such word after its program. */
function isQemuOf(id: string, pid: number): boolean {
  return commandLine(pid).includes(`guest=${id}`)
}
