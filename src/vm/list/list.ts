// All VMs that leave a trace: a record, a drawer or a drive. What is wrong with one of them, or with a store, hides no other.
import { fullMessage } from '../../core/errors.js'
import { byNumberInText } from '../../core/order.js'
import { driveName, isVmId, nameIn, parseDriveName } from '../../core/name.js'
import { dataFolders, type Outside, type Place } from '../../host/place.js'
import { spelledOut, type SpelledForward } from '../../model/forward.js'
import { isRoot } from '../../sys/environment.js'
import { list, listFolders, stat } from '../../sys/file.js'
import type { Store } from '../../store/store.js'
import { drawerOf, runTraces, type Drawer } from '../record/drawer.js'
import { savedSince } from '../record/asleep.js'
import { classFrom01 } from '../record/old.js'
import { templateFacts, type TemplateFacts } from '../record/forks.js'
import { markedAs } from '../record/marks.js'
import { readRecord, recordedIds } from '../record/record.js'
import { glance, type Glance, type State } from '../record/state.js'
import { allStores } from '../record/stores.js'

/** A VM as `nbsvm ls --json` shows it; the names of these fields never change their meaning. */
export interface Listed {
  readonly id: string
  readonly class: string | null
  readonly name: string
  /** `unknown`: its drawer cannot be looked into. */
  readonly state: State | 'unknown'
  readonly pid: number | null
  /** Since when it is in this state, in milliseconds since 1970; null for one that does not run. */
  readonly sinceMs: number | null
  /** Since when its guest sleeps on the disk (`save`), in milliseconds since 1970; null where it does not. */
  readonly savedMs: number | null
  /** What it was started with; null for one that does not run. */
  readonly memBytes: number | null
  /** The ports of the host that lead into it. */
  readonly forwards: readonly SpelledForward[]
  /** `nbsvm-foo-0`, by number. */
  readonly drives: readonly string[]
  /** What its first drive was made from, as it was asked for; null also where the list was made without images. */
  readonly image: string | null
  /** What was frozen of it, for forks; null where nothing was. */
  readonly template: TemplateFacts | null
  /** The VM from whose template its guest goes on; null where it was started otherwise, or does not run. */
  readonly forkedFrom: string | null
  /** Why something of it cannot be told. */
  readonly fault: string | null
}

/** Takes what is wrong with no VM of the list, but may hide some: a folder, a store, a settings file of a class. */
export type OnFault = (fault: unknown) => void

/** Lists the VMs by id; numbers in ids count as numbers. `withImages` reads every record, which a list need not. */
export async function listVms(outside: Outside, tell: OnFault = () => {}, { withImages = false } = {}): Promise<Listed[]> {
  const { place } = outside
  const onFault = once(tell)
  const drives = await drivesById(await allStores(outside, onFault), onFault)
  const drawers = orNone(() => listFolders(place.state), onFault).filter((name) => isVmId(name) && !dataFolders.includes(name))
  const records = orNone(() => recordedIds(place), onFault)
  const ids = [...new Set([...drawers, ...records, ...drives.keys()])].toSorted(byNumberInText)
  const withDrawer = new Set(drawers)
  const withRecord = new Set(records)
  const saved = markedAs(place, 'saved')
  const left: Drawer[] = []
  const forks = new Map<string, string[]>()
  const adopted: string[] = []
  const found = ids.map((id): Listed => {
    const faults: string[] = []
    const { state, pid, running } = withDrawer.has(id) ? look(place, id, left, faults) : stopped
    const vmClass = classOf(place, id, withRecord.has(id), faults)
    const image = withImages && withRecord.has(id) ? imageOf(place, id, faults) : null
    const { from, forkedFrom } = running?.started ?? {}
    if (from !== undefined && forkedFrom !== undefined) forks.set(from, [...(forks.get(from) ?? []), id])
    if (running?.started?.adopted !== undefined) adopted.push(id)
    const numbers = (drives.get(id) ?? []).toSorted((a, b) => a - b)
    return {
      id,
      class: vmClass,
      name: nameIn(vmClass ?? undefined, id),
      state,
      pid: pid ?? null,
      sinceMs: running?.sinceMs ?? null,
      savedMs: state === 'stopped' && saved.has(id) ? savedSince({ place, id }) : null,
      memBytes: running?.started?.memBytes ?? null,
      forwards: (running?.started?.forwards ?? []).map(spelledOut),
      drives: numbers.map((number) => driveName(id, number)),
      image,
      template: null,
      forkedFrom: forkedFrom ?? null,
      fault: faults.length === 0 ? null : faults.join('; '),
    }
  })
  await sweepStopped(left)
  return withTemplates(place, adopted.length === 0 ? found : await askAdopted(place, found, adopted), forks)
}

/** Says of those that are templates what they are; `forks` has the VMs that run from each token. */
function withTemplates(place: Place, vms: readonly Listed[], forks: ReadonlyMap<string, readonly string[]>): Listed[] {
  const marked = markedAs(place, 'templates')
  if (marked.size === 0) return [...vms]
  return vms.map((vm) => {
    if (!marked.has(vm.id)) return vm
    try {
      return { ...vm, template: templateFacts(place, vm.id, (token) => forks.get(token) ?? []) }
    } catch (error) {
      return { ...vm, fault: [vm.fault, fullMessage(error)].filter((text) => text !== null).join('; ') }
    }
  })
}

/** Nobody writes down what happens to a VM that was started by hand, so it is asked. */
async function askAdopted(place: Place, vms: readonly Listed[], adopted: readonly string[]): Promise<Listed[]> {
  const { stateNow } = await import('../life/statenow.js')
  return Promise.all(
    vms.map(async (vm) => {
      const state = adopted.includes(vm.id) ? await stateNow(drawerOf(place.state, vm.id)) : undefined
      // Since when it is in another state nobody knows.
      return state === undefined || state === vm.state ? vm : { ...vm, state, sinceMs: null }
    }),
  )
}

/** The same mistake in `default.class` is met with each class. */
function once(tell: OnFault): OnFault {
  const told = new Set<string>()
  return (fault) => {
    const message = fullMessage(fault)
    if (!told.has(message)) tell(fault)
    told.add(message)
  }
}

const stopped: Glance = { state: 'stopped', pid: undefined }

/**
 * Looks at a VM that has a drawer. One that has ended well leaves neither process number nor helpers nor taps there, which one
 * look into the folder tells: a list may be of a thousand. Those that have are added to `left` where the VM does not run.
 */
function look(place: Place, id: string, left: Drawer[], faults: string[]): Omit<Glance, 'state'> & Pick<Listed, 'state'> {
  try {
    const traces = list(`${place.state}/${id}`).filter((name) => runTraces.has(name))
    if (traces.length === 0) return stopped
    const drawer = drawerOf(place.state, id)
    const found = traces.includes('pid') ? glance(drawer) : stopped
    if (found.state === 'stopped') left.push(drawer)
    return found
  } catch (error) {
    faults.push(`cannot look into its drawer: ${fullMessage(error)}`)
    return { state: 'unknown', pid: undefined }
  }
}

/** Only an id with a dash in it can have a class, so most records need not be read. */
function classOf(place: Place, id: string, hasRecord: boolean, faults: string[]): string | null {
  if (!id.includes('-')) return null
  try {
    return (hasRecord ? readRecord(place, id)?.class : classFrom01(id, drawerOf(place.state, id))) ?? null
  } catch (error) {
    faults.push(fullMessage(error))
    return null
  }
}

function imageOf(place: Place, id: string, faults: string[]): string | null {
  try {
    return readRecord(place, id)?.image?.name ?? null
  } catch (error) {
    const fault = fullMessage(error)
    if (!faults.includes(fault)) faults.push(fault)
    return null
  }
}

function orNone<T>(look: () => T[], onFault: OnFault): T[] {
  try {
    return look()
  } catch (error) {
    onFault(error)
    return []
  }
}

/** What VMs can be called: in a class that was chosen by name, else all of them by id, as `ls` shows them. */
export function calledNames(vms: readonly Listed[], { vmClass }: Outside): string[] {
  return vmClass === undefined ? vms.map(({ id }) => id) : vms.filter((vm) => vm.class === vmClass).map(({ name }) => name)
}

/** Removes what VMs that are gone have left; taps as root only: a user would be asked for a password by sudo. */
async function sweepStopped(drawers: readonly Drawer[]): Promise<void> {
  const left = drawers.filter(({ helpers, pid }) => isRoot() || [helpers, pid].some(isThere))
  if (left.length === 0) return
  const { sweepQuietly } = await import('../life/sweep.js')
  for (const drawer of left) await sweepQuietly(drawer)
}

/** Also not there: what is in a folder that cannot be looked into. */
function isThere(file: string): boolean {
  try {
    return stat(file) !== undefined
  } catch {
    return false
  }
}

async function drivesById(stores: readonly Store[], onFault: OnFault): Promise<Map<string, number[]>> {
  const drives = new Map<string, number[]>()
  const namesOf = (store: Store): Promise<string[]> => store.driveNames().catch((error: unknown) => (onFault(error), []))
  for (const names of await Promise.all(stores.map(namesOf))) {
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
