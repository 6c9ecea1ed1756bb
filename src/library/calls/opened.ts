// Which VM a call is about, and what the functions that do the work are told of their caller.
import type { Caller } from '../../core/caller.js'
import { fullMessage } from '../../core/errors.js'
import { findPlace, type Outside } from '../../host/place.js'
import { environment, homeFolder, isRoot } from '../../sys/environment.js'
import { bootsOtherwise, openVm, type Vm } from '../../vm/record/vm.js'
import type { Call } from './call.js'

/** Places and variables, looked at anew, with the settings in place of the VM that is meant. */
export function outsideOf({ target }: Pick<Call, 'target'>): Outside {
  const place = findPlace(environment, isRoot(), homeFolder())
  return { place, environment, vmClass: target?.vmClass, line: target?.settings ?? {} }
}

export function callerOf({ signal, told }: Call): Caller {
  return { signal, note: told('note') }
}

/** What must be there of the VM before: nothing, any trace of it, or what it can boot (QEMU options may say that). */
type Needs =
  | { readonly needs: 'nothing' }
  | { readonly needs: 'bootable'; readonly options?: readonly string[] }
  /** `lenient`: a mistake in its settings files is only told. */
  | { readonly needs: 'vm'; readonly lenient?: boolean }

/** Opens the VM. Rejects with a UsageError where it is not there and must be. */
export async function opened(call: Call, what: Needs = { needs: 'vm' }): Promise<Vm> {
  const outside = outsideOf(call)
  const tell = call.told('note')
  const lenient = what.needs === 'vm' && what.lenient === true
  const vm = await openVm(call.target?.name ?? '', outside, lenient ? (mistake) => tell?.(fullMessage(mistake)) : undefined)
  if (what.needs === 'nothing' || (what.needs === 'bootable' && bootsOtherwise(vm, what.options ?? []))) return vm
  const { exists, noSuchVm } = await import('../../vm/list/exists.js')
  if (!(await exists(vm))) throw await noSuchVm(vm, outside)
  call.signal.throwIfAborted()
  return vm
}

/** One that runs, whatever its settings files say. */
export function running(call: Call): Promise<Vm> {
  return opened(call, { needs: 'vm', lenient: true })
}
