// The images that a store has copied for itself, a pool of Ceph above all: once for all machines that have it.
import { keptImages } from '../../image/kept.js'
import type { Outside } from '../../host/place.js'
import { digestOfHex, formatDigest } from '../../model/imageref.js'
import type { KeptOrigin, Store } from '../../store/store.js'
import { readRecord, recordedIds } from '../record/record.js'
import { allStores } from '../record/stores.js'

/** One of them, as `nbsvm images --json` tells it. */
export interface ListedPooled {
  /** `pool vms` */
  readonly place: string
  /** `sha512:HEX` */
  readonly digest: string
  readonly sizeBytes: number
  /** The VMs whose drives stand on it, those of other machines too. */
  readonly usedBy: readonly string[]
}

interface Found {
  readonly store: Store
  readonly origin: KeptOrigin
}

type OnFault = (fault: unknown) => void

/** Those of all stores that settings name. What cannot be asked goes to `onFault`, and hides no other. */
async function find(outside: Outside, onFault: OnFault): Promise<Found[]> {
  const found = (await allStores(outside, onFault)).map(async (store) => {
    try {
      return ((await store.origins?.()) ?? []).map((origin) => ({ store, origin }))
    } catch (fault) {
      onFault(fault)
      return []
    }
  })
  return (await Promise.all(found)).flat()
}

/** The images in pools, by the name that they are known by here; by their digest where that is none. */
export async function pooledImages(outside: Outside, onFault: OnFault): Promise<Map<string, ListedPooled[]>> {
  const pooled = new Map<string, ListedPooled[]>()
  const found = await find(outside, onFault)
  if (found.length === 0) return pooled
  const names = namesByDigest(outside)
  for (const { origin } of found) {
    const digest = digestOf(origin)
    const { place, sizeBytes, usedBy } = origin
    const name = names.get(digest) ?? digest
    pooled.set(name, [...(pooled.get(name) ?? []), { place, digest, sizeBytes, usedBy }])
  }
  return pooled
}

const digestOf = ({ hex }: KeptOrigin): string => formatDigest(digestOfHex(hex))

/** As an image was called that is here, or that a VM was made from. */
function namesByDigest({ place }: Pick<Outside, 'place'>): Map<string, string> {
  const recorded = recordedIds(place).flatMap((id): [string, string][] => {
    try {
      const image = readRecord(place, id)?.image
      return image === undefined ? [] : [[image.digest, image.traits.os ?? image.name]]
    } catch {
      return [] // a damaged record hides no image
    }
  })
  const kept = keptImages(place.images).flatMap(({ digest, from }): [string, string][] =>
    from.map(({ name }) => [formatDigest(digest), name]),
  )
  return new Map([...recorded, ...kept])
}

/** What was removed from where. */
export interface RemovedPooled {
  readonly name: string
  readonly place: string
  readonly digest: string
  readonly freedBytes: number
}

/** Removes those on which no drive stands. Rejects with a Failure where one cannot be removed, or a pool not be asked. */
export async function prunePooled(outside: Outside): Promise<RemovedPooled[]> {
  const found = await find(outside, (fault) => {
    throw fault
  })
  const unused = found.filter(({ origin }) => origin.usedBy.length === 0)
  const names = unused.length === 0 ? new Map<string, string>() : namesByDigest(outside)
  const removed: RemovedPooled[] = []
  for (const { store, origin } of unused) {
    await store.removeOrigin?.(origin.hex)
    const digest = digestOf(origin)
    removed.push({ name: names.get(digest) ?? digest, place: origin.place, digest, freedBytes: origin.sizeBytes })
  }
  return removed
}
