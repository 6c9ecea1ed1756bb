// Whether a VM that comes from another machine can have a place here.
import { Failure } from '../../core/errors.js'
import type { Drive } from '../../model/drive.js'
import type { Store } from '../../store/store.js'
import { readRecord } from '../record/record.js'
import { isRunning, qemuPid, whoIsBusy } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import type { Parcel } from './parcel.js'

export interface Admission {
  /** Whether its record stands by here: it is off, and its drives are the same ones at both machines. */
  readonly standby: boolean
  /** Those drives, where they are. */
  readonly shared: readonly Drive[]
}

/** Throws a Failure where what comes can have no place here. */
export async function admit(vm: Vm, store: Store, { kind, record, drives, sharedStore }: Parcel): Promise<Admission> {
  const { id, place, call } = vm
  const own = readRecord(place, id)
  const standby = sharedStore !== undefined && own?.uuid === record.uuid
  if (own !== undefined && !standby)
    throw new Failure(own.uuid === record.uuid ? `this very VM is here already, as ${id}` : `there is a VM ${id} here already`, {
      code: 'VM_EXISTS',
      hints: kind === 'copy' ? [`to have another in its place, remove it first: ${call} rm`] : [],
    })
  refuseRunning(vm)
  if (sharedStore !== undefined && store.name !== sharedStore)
    throw new Failure(`its drives are in store=${sharedStore}, and it would look for them in store=${store.name} here`, {
      code: 'MOVE_IMPOSSIBLE',
      hints: [`set it on this machine as there: store=${sharedStore}`],
    })
  const here = await store.drives(id)
  if (sharedStore === undefined && here.length > 0)
    throw new Failure(`there are drives of a VM ${id} here already`, { code: 'VM_EXISTS' })
  if (sharedStore !== undefined && here.length !== drives.length)
    throw new Failure(`it has ${drives.length} drives there, and ${here.length} are seen from here`, { code: 'MOVE_IMPOSSIBLE' })
  return { standby, shared: here }
}

/** Throws a Failure where somebody has the VM's lock. */
export function refuseRunning({ id, drawer }: Vm): void {
  if (!isRunning(drawer)) return
  const why = qemuPid(drawer) === undefined ? whoIsBusy(drawer) : 'it runs'
  throw new Failure(`there is a VM ${id} here already: ${why}`, { code: 'VM_EXISTS' })
}
