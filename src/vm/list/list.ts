// All VMs that leave a trace: a drawer or a drive.
import { byNumberInText } from '../../core/order.js'
import { driveName, nameIn, parseDriveName } from '../../core/name.js'
import { isRoot } from '../../sys/environment.js'
import { list, stat } from '../../sys/file.js'
import type { Store } from '../../store/store.js'
import { drawerOf } from '../record/drawer.js'
import type { Place, Outside } from '../../host/place.js'
import { rememberedClass } from '../record/remember.js'
import { glance, isRunning, type State } from '../record/state.js'
import { allStores } from '../record/stores.js'

/** A VM as `nbsvm ls --json` shows it; the names of these fields never change their meaning. */
export interface Listed {
  readonly id: string
  readonly class: string | null
  readonly name: string
  readonly state: State
  readonly pid: number | null
  /** `nbsvm-foo-0`, by number. */
  readonly drives: readonly string[]
}

/** Lists the VMs by id; numbers in ids count as numbers. */
export async function listVms(outside: Outside): Promise<Listed[]> {
  const { place } = outside
  const drives = await drivesById(await allStores(outside))
  const drawers = list(place.state).filter((name) => name !== 'drives' && !name.startsWith('.'))
  const ids = [...new Set([...drawers, ...drives.keys()])].toSorted(byNumberInText)
  const withDrawer = new Set(drawers)
  if (isRoot() && list('/sys/class/net').some((name) => name.startsWith('tap'))) await sweepStopped(place, drawers)
  return ids.map((id) => {
    const drawer = drawerOf(place.state, id)
    const { state, pid } = withDrawer.has(id) ? glance(drawer) : { state: 'stopped' as const, pid: undefined }
    const vmClass = rememberedClass(id, drawer.class)
    const name = nameIn(vmClass, id)
    const numbers = (drives.get(id) ?? []).toSorted((a, b) => a - b)
    return { id, class: vmClass ?? null, name, state, pid: pid ?? null, drives: numbers.map((number) => driveName(id, number)) }
  })
}

/** What VMs can be called: in a class that was chosen by name, else all of them by id, as `ls` shows them. */
export function calledNames(vms: readonly Listed[], { vmClass }: Outside): string[] {
  return vmClass === undefined ? vms.map(({ id }) => id) : vms.filter((vm) => vm.class === vmClass).map(({ name }) => name)
}

/** Removes the taps of VMs that are gone; a user would be asked for a password by sudo, which a list is no reason for. */
async function sweepStopped(place: Place, drawers: readonly string[]): Promise<void> {
  const left = drawers.map((id) => drawerOf(place.state, id)).filter(({ taps }) => stat(taps) !== undefined)
  if (left.length === 0) return
  const { sweepTapsQuietly } = await import('../life/taps.js')
  for (const drawer of left) if (!isRunning(drawer)) await sweepTapsQuietly(drawer)
}

async function drivesById(stores: readonly Store[]): Promise<Map<string, number[]>> {
  const drives = new Map<string, number[]>()
  for (const names of await Promise.all(stores.map((store) => store.driveNames()))) {
    for (const name of names) {
      const parsed = parseDriveName(name)
      if (parsed === undefined) continue
      const numbers = drives.get(parsed.id)
      if (numbers === undefined) drives.set(parsed.id, [parsed.number])
      else numbers.push(parsed.number)
    }
  }
  return drives
}
