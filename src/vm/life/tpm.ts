// The TPM of a VM: what it holds is kept beside the record, in a folder of the user that swtpm and QEMU run as.
import { Failure } from '../../core/errors.js'
import { quoteWords } from '../../core/words.js'
import { install } from '../../host/check/finding.js'
import type { RunAs } from '../../host/runas.js'
import type { Helper } from '../../model/helper.js'
import { tpmHelper } from '../../qemu/tpm.js'
import { ownUid } from '../../sys/environment.js'
import { findProgram, makePrivateFolder } from '../../sys/file.js'
import { giveFolder } from '../../sys/give.js'
import { tpmFolder } from '../record/choice.js'
import { runFolder } from '../record/drawer.js'
import { recordFolder } from '../record/record.js'
import type { Vm } from '../record/vm.js'

type Subject = Pick<Vm, 'place' | 'id' | 'call'>

/** swtpm as a helper of the VM. Throws a Failure where it is not installed. */
export function planTpm(vm: Subject, { prefix }: Pick<RunAs, 'prefix'>): Helper {
  if (findProgram('swtpm') === undefined) {
    throw new Failure(`cannot start ${vm.id} with a TPM: there is no swtpm on this machine`, {
      code: 'NOT_INSTALLED',
      hints: [`install it: ${install('swtpm')}`, `without it: ${vm.call} tpm=no start`],
    })
  }
  return tpmHelper({ state: tpmFolder(vm), folder: runFolder, prefix })
}

/** Makes the folder, for the user that QEMU will run as. */
export function prepareTpm(vm: Subject, owner: Pick<RunAs, 'uid' | 'gid'>): void {
  const folder = tpmFolder(vm)
  makePrivateFolder(folder)
  if (ownUid() === 0) giveFolder(folder, owner)
}

/** The same as a line for a shell, with the folder of the drawer in which swtpm makes its socket. */
export function preparingTpm(vm: Subject & Pick<Vm, 'drawer'>, { uid, gid }: Pick<RunAs, 'uid' | 'gid'>): string {
  const { folder, run } = vm.drawer
  const state = tpmFolder(vm)
  const make = `mkdir -p -m 700 ${quoteWords([recordFolder(vm.place, vm.id), state, folder, run])}`
  return ownUid() === 0 ? `${make} && ${quoteWords(['chown', '-R', '-P', `${uid}:${gid}`, state, run])}` : make
}
