import type { Folders } from '../config/layers.js'
import type { Settings } from '../config/settings.js'
import { list } from '../sys/file.js'
import { stores } from '../store/registry.js'
import type { Store } from '../store/store.js'
import type { Outside, Vm } from './vm.js'

/** The store that a VM's settings choose: `store`, else `lvm` where a volume group is set, else plain files. */
export function storeOf({ settings, place }: Vm): Promise<Store> {
  const { store, vg, pool, snapshot_size: snapshotSizeBytes } = settings
  return stores[store ?? (vg === undefined ? 'dir' : 'lvm')]({ folder: place.drives, vg, pool, snapshotSizeBytes })
}

/** Every store that a VM may have drives in: plain files, and the volume groups that class files and environment name. */
export async function allStores(outside: Outside): Promise<Store[]> {
  const { place, environment, line } = outside
  const inFiles = stores.dir({ folder: place.drives, vg: undefined })
  const classes = classesIn(place.config)
  const groups = new Map<string, Settings>()
  // Nobody names a volume group, on most machines; then a list need not load the reader of settings.
  if (classes.length > 0 || environment['vg'] || line.vg !== undefined) {
    const { loadSettings } = await import('../config/layers.js')
    for (const vmClass of [undefined, ...classes.filter((name) => name !== 'default')]) {
      const subject = { folders: place.config, vm: undefined, vmClass, drawer: undefined, commandLine: line, environment }
      const { settings } = loadSettings(subject)
      if (settings.vg !== undefined) groups.set(settings.vg, settings)
    }
  }
  const inGroups = [...groups.values()].map(({ vg, pool, snapshot_size: snapshotSizeBytes }) =>
    stores.lvm({ folder: place.drives, vg, pool, snapshotSizeBytes }),
  )
  return Promise.all([inFiles, ...inGroups])
}

/** The classes that have a file, `default` among them. */
function classesIn({ userFolder, systemFolder }: Folders): string[] {
  const files = [userFolder, systemFolder].flatMap((folder) => (folder === undefined ? [] : list(folder)))
  return [...new Set(files.filter((file) => file.endsWith('.class')).map((file) => file.slice(0, -'.class'.length)))]
}
