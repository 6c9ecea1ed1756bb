// Which VMs have states that lists tell of: empty files, each called as a VM, so that a list of a thousand need not look beside every record.
import type { Place } from '../../host/place.js'
import { list, lstat, makePrivateFolder, remove, writeWhole } from '../../sys/file.js'
import { savedFolder, templateFolders } from './frozen.js'

/** It is a template; it sleeps on the disk. */
type Mark = 'templates' | 'saved'

type Records = Pick<Place, 'records'>

const marks = ({ records }: Records, mark: Mark): string => `${records}/.${mark}`

/** Before the state has its name: one that a kill leaves without it is none. */
export function markState(place: Records, id: string, mark: Mark): void {
  makePrivateFolder(marks(place, mark))
  writeWhole(`${marks(place, mark)}/${id}`, '')
}

/** After states are gone; a VM that has any keeps their marks. */
export function unmarkStates(place: Records, id: string): void {
  if (templateFolders(place, id).length === 0) remove(`${marks(place, 'templates')}/${id}`)
  if (lstat(savedFolder(place, id)) === undefined) remove(`${marks(place, 'saved')}/${id}`)
}

/** The VMs that have such a state, or were to have it. */
export function markedAs(place: Records, mark: Mark): ReadonlySet<string> {
  return new Set(list(marks(place, mark)))
}
