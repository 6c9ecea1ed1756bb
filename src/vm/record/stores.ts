import type { Folders } from '../../config/layers.js'
import type { Settings } from '../../config/settings.js'
import { list } from '../../sys/file.js'
import { storeKinds, stores, type StoreOptions } from '../../store/registry.js'
import type { Store } from '../../store/store.js'
import type { Place, Outside } from '../../host/place.js'
import type { Vm } from './vm.js'

type StoreSettings = Pick<Settings, 'store' | 'vg' | 'pool' | 'snapshot_size' | 'ceph_conf' | 'ceph_user'>

/** The store that a VM's settings choose: `store`, else `lvm` where a volume group is set, else plain files. */
export function storeOf({ settings, place }: Vm): Promise<Store> {
  const options = optionsOf(place, settings)
  const kind = settings.store ?? storeKinds.find((one) => stores[one].place(options) !== undefined) ?? 'dir'
  return stores[kind].open(options)
}

function optionsOf({ drives: folder }: Place, settings: StoreSettings): StoreOptions {
  const { store: kind, vg, pool, snapshot_size: snapshotSizeBytes, ceph_conf: cephConf, ceph_user: cephUser } = settings
  return { kind, folder, vg, pool, snapshotSizeBytes, cephConf, cephUser }
}

/**
 * Every store that a VM may have drives in: plain files, and those that class files and environment name. What cannot be read
 * or opened goes to `onFault`, and hides no other.
 */
export async function allStores(outside: Outside, onFault: (fault: unknown) => void): Promise<Store[]> {
  const { place, environment, line } = outside
  const found = new Map<string, Promise<Store | undefined>>()
  const passOver = (fault: unknown): undefined => onFault(fault) as undefined
  const add = (options: StoreOptions): void => {
    for (const kind of storeKinds) {
      const where = stores[kind].place(options)
      if (where !== undefined && !found.has(`${kind} ${where}`))
        found.set(`${kind} ${where}`, stores[kind].open(options).catch(passOver))
    }
  }
  add({ folder: place.drives, vg: undefined })
  const classes = classesIn(place.config, onFault)
  // Nobody names another store, on most machines; then a list need not load the reader of settings.
  const names = ['vg', 'store'] as const
  if (classes.length > 0 || names.some((name) => environment[name] || line[name] !== undefined)) {
    const { loadSettings } = await import('../../config/layers.js')
    for (const vmClass of [undefined, ...classes.filter((name) => name !== 'default')]) {
      const subject = { folders: place.config, vm: undefined, vmClass, drawer: undefined, commandLine: line, environment }
      // A class may have nothing to do with any VM of the list.
      const folded = await loadSettings(subject).catch(passOver)
      if (folded !== undefined) add(optionsOf(place, folded.settings))
    }
  }
  return (await Promise.all(found.values())).filter((store) => store !== undefined)
}

/** The classes that have a file, `default` among them. */
function classesIn({ userFolder, systemFolder }: Folders, onFault: (fault: unknown) => void): string[] {
  const files = [userFolder, systemFolder].flatMap((folder) => {
    try {
      return folder === undefined ? [] : list(folder)
    } catch (error) {
      onFault(error)
      return []
    }
  })
  return [...new Set(files.filter((file) => file.endsWith('.class')).map((file) => file.slice(0, -'.class'.length)))]
}
