// Which VMs are templates, and which go on from them: as lists and `status` tell it, and before a template is removed.
import { isVmId } from '../../core/name.js'
import { byNumberInText } from '../../core/order.js'
import { dataFolders, type Place } from '../../host/place.js'
import { bytesOnDisk, listFolders, stat } from '../../sys/file.js'
import { drawerOf } from './drawer.js'
import { templateOf } from './frozen.js'
import { glance } from './state.js'

/** A template, as it is shown. */
export interface TemplateFacts {
  /** When it was frozen, in milliseconds since 1970. */
  readonly atMs: number
  /** What its RAM takes on the disk: zeros are holes. */
  readonly ramBytes: number
  /** The VMs that run from it now, by id. */
  readonly forks: readonly string[]
}

/** What a VM's template is; null where it has none. `forksFrom` says which run from the state of a token. */
export function templateFacts(
  place: Pick<Place, 'records' | 'state'>,
  id: string,
  forksFrom: (token: string) => readonly string[] = (token) => forksOf(place, token),
): TemplateFacts | null {
  const found = templateOf(place, id)
  if (found === undefined) return null
  const { folder, frozen } = found
  return { atMs: frozen.atMs, ramBytes: bytesOnDisk(stat(`${folder}/ram`)), forks: forksFrom(frozen.token) }
}

/** The VMs that run, or are paused, and whose guests go on from another's state of this token; by id. */
export function forksOf({ state }: Pick<Place, 'state'>, token: string): string[] {
  const ids = listFolders(state).filter((name) => isVmId(name) && !dataFolders.includes(name))
  return ids.filter((id) => startedFrom(state, id) === token).toSorted(byNumberInText)
}

function startedFrom(state: string, id: string): string | undefined {
  try {
    const { from, forkedFrom } = glance(drawerOf(state, id)).running?.started ?? {}
    return forkedFrom === undefined ? undefined : from
  } catch {
    // A drawer that is not ours to look into is no VM of ours.
    return undefined
  }
}
