import { byNumberInText } from '../../core/order.js'
import type { WatchChange, WireVm } from '../../web/protocol.js'

/** The list after a change. VMs that did not change stay the same objects, so nothing of them is drawn again. */
export function changed(known: ReadonlyMap<string, WireVm>, change: Pick<WatchChange, 'vms' | 'gone'>): Map<string, WireVm> {
  const all = new Map(known)
  for (const id of change.gone) all.delete(id)
  const hasNew = change.vms.some(({ id }) => !all.has(id))
  for (const vm of change.vms) all.set(vm.id, vm)
  return hasNew ? new Map([...all].toSorted(([one], [other]) => byNumberInText(one, other))) : all
}
