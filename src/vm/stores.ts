import { loadSettings, type Folders } from '../config/layers.js'
import type { Settings } from '../config/settings.js'
import { list } from '../sys/file.js'
import { stores } from '../store/registry.js'
import type { Store } from '../store/store.js'
import type { Place } from './place.js'
import type { Outside, Vm } from './vm.js'

/** The store that a VM's settings choose: `store`, else `lvm` where a volume group is set, else plain files. */
export function storeOf({ settings, place }: Vm): Promise<Store> {
  return openStore(settings, place)
}

type StoreSettings = Pick<Settings, 'store' | 'vg' | 'pool' | 'snapshot_size'>

function openStore({ store, vg, pool, snapshot_size: snapshotSizeBytes }: StoreSettings, place: Place): Promise<Store> {
  return stores[store ?? (vg === undefined ? 'dir' : 'lvm')]({ folder: place.drives, vg, pool, snapshotSizeBytes })
}

/** Every store that a VM may have drives in: plain files, and the volume groups that class files and environment name. */
export async function allStores({ place, environment, line }: Outside): Promise<Store[]> {
  const groups = new Map<string, Settings>()
  for (const vmClass of [undefined, ...classesIn(place.config)]) {
    const subject = { folders: place.config, vm: undefined, vmClass, drawer: undefined, commandLine: line, environment }
    const { settings } = loadSettings(subject)
    if (settings.vg !== undefined) groups.set(settings.vg, { ...settings, store: 'lvm' })
  }
  const inFiles = stores.dir({ folder: place.drives, vg: undefined })
  return Promise.all([inFiles, ...[...groups.values()].map((settings) => openStore(settings, place))])
}

/** The classes that have a file. */
function classesIn({ userFolder, systemFolder }: Folders): string[] {
  const files = [userFolder, systemFolder].flatMap((folder) => (folder === undefined ? [] : list(folder)))
  const names = files.filter((file) => file.endsWith('.class')).map((file) => file.slice(0, -'.class'.length))
  return [...new Set(names)].filter((name) => name !== 'default')
}
