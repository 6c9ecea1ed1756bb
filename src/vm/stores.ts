import { stores } from '../store/registry.js'
import type { Store } from '../store/store.js'
import type { Vm } from './vm.js'

/** The store that a VM's settings choose: `store`, else `lvm` where a volume group is set, else plain files. */
export async function storeOf({ settings, place }: Vm): Promise<Store> {
  const name = settings.store ?? (settings.vg === undefined ? 'dir' : 'lvm')
  return stores[name]({ folder: place.drives, settings })
}
