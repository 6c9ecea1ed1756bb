// Every kind of store by its name. A new one is a row here. Plain files are every list's, all else is loaded by those
// who have it.
import { UsageError } from '../core/errors.js'
import { dirStore } from './dir/dir.js'
import type { Store } from './store.js'

/** What stores are opened with; each takes what it needs. */
export interface StoreOptions {
  /** Folder of the `dir` store. */
  readonly folder: string
  /** Volume group of the `lvm` store, and how it makes volumes. */
  readonly vg: string | undefined
  readonly pool?: string | undefined
  readonly snapshotSizeBytes?: number | undefined
}

export const stores = {
  dir: async ({ folder }: StoreOptions): Promise<Store> => dirStore({ folder }),
  lvm: async ({ vg, pool, snapshotSizeBytes }: StoreOptions): Promise<Store> => {
    if (vg === undefined) {
      throw new UsageError('store=lvm needs a volume group', { hints: ['name it: vg=NAME', 'see which there are: sudo vgs'] })
    }
    return (await import('./lvm/open.js')).openLvm({ vg, pool, snapshotSizeBytes })
  },
}
