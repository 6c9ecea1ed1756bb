// A template goes, alone or with its VM. As long as forks run from it, it stays.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { forksOf } from '../record/forks.js'
import { frozenStates, templateFolders } from '../record/frozen.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'
import { removeStates, withStates } from './keep.js'

type Subject = Pick<Vm, 'id' | 'place'>

/** Removes what was frozen of a VM for forks, whether it runs or not. Says whether there was anything. Throws a Failure while forks run. */
export async function removeTemplate(vm: Vm, { signal, note }: Caller = {}): Promise<boolean> {
  const store = await storeOf(vm)
  return withoutForks(vm, { doing: `remove the template ${vm.id}`, signal }, async () => {
    const templates = templateFolders(vm.place, vm.id)
    await removeStates(vm, store, templates, note)
    return templates.length > 0
  })
}

/** Does what ends a VM's templates, and keeps others from forking meanwhile. Throws a Failure where forks run from one. */
export async function withoutForks<T>(
  vm: Subject,
  { doing, signal }: { readonly doing: string } & Caller,
  work: () => Promise<T>,
): Promise<T> {
  if (templateFolders(vm.place, vm.id).length === 0) return work()
  return withStates(vm, { doing, hold: 'exclusive', signal }, async () => {
    const forks = templatesOf(vm).flatMap(({ frozen }) => forksOf(vm.place, frozen.token))
    if (forks.length === 0) return work()
    throw new Failure(`cannot ${doing}: forks of it run: ${forks.join(', ')}`, {
      code: 'TEMPLATE_IN_USE',
      hints: [`end them first: nbsvm ${forks.join(',')} stop`],
    })
  })
}

function templatesOf({ place, id }: Subject): ReturnType<typeof frozenStates> {
  const folders = new Set(templateFolders(place, id))
  return frozenStates(place, id).filter(({ folder }) => folders.has(folder))
}
