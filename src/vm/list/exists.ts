import { UsageError } from '../../core/errors.js'
import { nearest } from '../../core/nearest.js'
import { quoteWord } from '../../core/words.js'
import { homeFolder } from '../../sys/environment.js'
import { readRegular, stat } from '../../sys/file.js'
import { recordFolder } from '../record/record.js'
import { storeOf } from '../record/stores.js'
import type { Outside } from '../../host/place.js'
import { hasOwnFile, type Vm } from '../record/vm.js'

/** Whether there is any trace of the VM: a record, a drawer, a settings file of its own, or a drive. */
export async function exists(vm: Vm): Promise<boolean> {
  if ([recordFolder(vm.place, vm.id), vm.drawer.folder].some((folder) => stat(folder) !== undefined) || hasOwnFile(vm))
    return true
  const store = await storeOf(vm)
  return (await store.drives(vm.id)).length > 0
}

/** The error for a VM that is not there, with the name that was meant, or one of `otherWords`, if one is near. */
export async function noSuchVm(vm: Vm, outside: Outside, otherWords: readonly string[] = []): Promise<UsageError> {
  const { calledNames, listVms } = await import('./list.js')
  const names = calledNames(await listVms(outside), outside)
  // A command's name may be a VM's too.
  const near = nearest(vm.name, [...names, ...otherWords.filter((word) => word !== vm.name)])
  const question = near === undefined ? '' : `; did you mean ${near}?`
  return new UsageError(`there is no VM ${vm.id}${question}`, {
    code: 'VM_MISSING',
    hints: [
      ...(isMachine(vm.name)
        ? [`a VM of the machine ${vm.name}: nbsvm ${vm.name}:VM ...; all of them: nbsvm ls ${vm.name}:`]
        : []),
      `make it: ${vm.call} newimg`,
      `with a system in it: ${vm.call} image=debian newimg`,
      ...(names.length > 0 ? [`see which there are: ${listCall(outside)}`] : []),
    ],
  })
}

/** How whoever typed the line lists the VMs, be it at another machine. */
export function listCall({ environment }: Pick<Outside, 'environment'>): string {
  const host = environment['NBSVM_HOST']
  return host === undefined ? 'nbsvm ls' : `nbsvm ls ${quoteWord(`${host}:`)}`
}

const mostConfigBytes = 1024 * 1024

/** Whether ssh's own config names a machine so. */
function isMachine(name: string): boolean {
  try {
    const text = readRegular(`${homeFolder()}/.ssh/config`, mostConfigBytes) ?? ''
    return [...text.matchAll(/^\s*host\s+(?<names>.*)$/gim)].some(({ groups }) => groups?.['names']?.split(/\s+/).includes(name))
  } catch {
    return false
  }
}
