import { classNames, loadSettings } from '../config/layers.js'
import type { Settings } from '../config/settings.js'
import { stores } from '../store/registry.js'
import type { Store } from '../store/store.js'
import type { Place } from './place.js'
import type { Outside, Vm } from './vm.js'

/** The store that a VM's settings choose: `store`, else `lvm` where a volume group is set, else plain files. */
export function storeOf({ settings, place }: Vm): Promise<Store> {
  return openStore(settings, place)
}

function openStore(settings: Settings, place: Place): Promise<Store> {
  const name = settings.store ?? (settings.vg === undefined ? 'dir' : 'lvm')
  return stores[name]({ folder: place.drives, vg: settings.vg })
}

/** Every store that a VM may have drives in: plain files, and what the class files and the environment name. */
export async function allStores(outside: Outside): Promise<Store[]> {
  const { place, environment, home, line } = outside
  const opened = new Map<string, Settings>()
  const files = { userFolder: place.userConfig, systemFolder: place.systemConfig }
  for (const vmClass of [undefined, ...classNames(files)]) {
    const { settings } = loadSettings({ ...files, vmName: '', vmClass, drawer: '', commandLine: line, environment, home })
    if (settings.vg !== undefined) opened.set(settings.vg, settings)
  }
  const inFiles = stores.dir({ folder: place.drives, vg: undefined })
  return Promise.all([inFiles, ...[...opened.values()].map((settings) => openStore(settings, place))])
}
