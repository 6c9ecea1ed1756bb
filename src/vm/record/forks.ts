// Which VMs are templates, and which go on from them: as lists and `status` tell it, and before a template is removed.
import { isVmId } from '../../core/name.js'
import { byNumberInText } from '../../core/order.js'
import { dataFolders, type Place } from '../../host/place.js'
import { list, listFolders, makePrivateFolder, remove, stat, writeWhole } from '../../sys/file.js'
import { drawerOf } from './drawer.js'
import { templateFolders, templateOf } from './frozen.js'
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
  return { atMs: frozen.atMs, ramBytes: bytesOnDisk(`${folder}/ram`), forks: forksFrom(frozen.token) }
}

/** Blocks of stat(2) are always of 512 bytes. */
const bytesOnDisk = (file: string): number => 512 * (stat(file)?.blocks ?? 0)

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

/** Empty files, each called as a VM that is a template, so that a list of a thousand need not look into every record. */
const marks = (place: Pick<Place, 'records'>): string => `${place.records}/.templates`

/** Before the state has its name: one that a kill leaves without it is none. */
export function markTemplate(place: Pick<Place, 'records'>, id: string): void {
  makePrivateFolder(marks(place))
  writeWhole(`${marks(place)}/${id}`, '')
}

/** After the states are gone; one that has any keeps its mark. */
export function unmarkTemplate(place: Pick<Place, 'records'>, id: string): void {
  if (templateFolders(place, id).length === 0) remove(`${marks(place)}/${id}`)
}

/** The VMs that are, or were to be, templates. */
export function markedTemplates(place: Pick<Place, 'records'>): ReadonlySet<string> {
  return new Set(list(marks(place)))
}
