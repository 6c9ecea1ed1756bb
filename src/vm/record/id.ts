// What a VM's drawer, drives and files are called.
import { UsageError } from '../../core/errors.js'
import { checkName, vmId } from '../../core/name.js'
import { dataFolders } from '../../host/place.js'

/** `[CLASS-]VM`. Throws UsageError for what is no name of a VM. */
export function idOf(name: string, vmClass: string | undefined): string {
  checkName('VM', name)
  const id = vmId(name, vmClass)
  if (!dataFolders.includes(id)) return id
  throw new UsageError(`"${id}" is kept for a folder of nbsvm's own: give the VM another name`, { code: 'NAME_WRONG' })
}
