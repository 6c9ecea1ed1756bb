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
  /** The kind that the setting `store` names: a pool in Ceph is meant only where it is named. */
  readonly kind?: string | undefined
  readonly cephConf?: string | undefined
  readonly cephUser?: string | undefined
}

/** One kind of store. */
interface Kind {
  /** Which store of this kind is meant: its folder, its volume group; undefined where none is. */
  place(options: StoreOptions): string | undefined
  /** Opens it. Throws a UsageError when none is meant. */
  open(options: StoreOptions): Promise<Store>
}

const dir: Kind = {
  place: ({ folder }) => folder,
  open: async ({ folder }) => dirStore({ folder }),
}

const lvm: Kind = {
  place: ({ vg }) => vg,
  open: async ({ vg, pool, snapshotSizeBytes }) => {
    if (vg === undefined) {
      throw new UsageError('store=lvm needs a volume group', { hints: ['name it: vg=NAME', 'see which there are: sudo vgs'] })
    }
    return (await import('./lvm/lvmstore.js')).openLvm({ vg, pool, snapshotSizeBytes })
  },
}

const rbd: Kind = {
  place: ({ kind, pool, cephConf, cephUser }) =>
    kind === 'rbd' && pool !== undefined ? [pool, cephConf, cephUser].join(' ') : undefined,
  open: async ({ pool, cephConf, cephUser }) => {
    if (pool === undefined) {
      throw new UsageError('store=rbd needs a pool of Ceph', {
        hints: ['name it: pool=NAME', 'see which there are: rados lspools'],
      })
    }
    const { rbdStore, clusterOf } = await import('./rbd/rbdstore.js')
    return rbdStore(clusterOf({ pool, conf: cephConf, user: cephUser }))
  },
}

/** In the order in which they are chosen where the setting `store` chooses none: the first that is meant. */
export const stores = { rbd, lvm, dir } as const satisfies Readonly<Record<string, Kind>>

export type StoreKind = keyof typeof stores

export const storeKinds = Object.keys(stores) as StoreKind[]
