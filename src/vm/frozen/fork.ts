// Another VM that goes on from the moment at which one was frozen.
import { asWritten, foldSettings } from '../../config/fold.js'
import type { Caller } from '../../core/caller.js'
import { Failure, messageOf, UsageError } from '../../core/errors.js'
import { isVmId, parseDriveName, vmId } from '../../core/name.js'
import { gate } from '../../core/sidebyside.js'
import type { Store } from '../../store/store.js'
import { copyNew, lstat, stat } from '../../sys/file.js'
import { whenKilled, type Watch } from '../../sys/talk.js'
import { endAndRemove } from '../life/remove.js'
import { startVm, type Started } from '../life/start.js'
import { templateFolders, templateOf, type Frozen, type FrozenLive } from '../record/frozen.js'
import { adoptRecord, asMachineOf, draftRecord, recordFolder, renewGeneration, type MachineRecord } from '../record/record.js'
import { randomUuid } from '../record/identity.js'
import { keyFiles } from '../record/seed.js'
import { isRunning } from '../record/state.js'
import { storeOf } from '../record/stores.js'
import { vmNow, type Vm } from '../record/vm.js'
import { wordsOf } from '../record/words.js'
import { withStates } from './keep.js'
import { otherThan, wordsOfSetting } from './seen.js'
import { arrivingFrom, requireWhole, type Wake } from './wake.js'

export interface Forked extends Started {
  /** The VM that it was forked from. */
  readonly template: string
}

/** More would only wait for each other: for processors, and for the lock of all records. */
const inTurn = gate(8)

/** Makes a VM that goes on where the one that `gold` names was frozen. Where that fails nothing of it stays. */
export function forkVm(vm: Vm, caller: Caller = {}): Promise<Forked> {
  return inTurn(() => forkNow(vm, caller))
}

async function forkNow(vm: Vm, caller: Caller): Promise<Forked> {
  caller.signal?.throwIfAborted()
  const { place, id } = vm
  const gold = findTemplate(vm)
  const { signal } = caller
  return withStates({ place, id: gold }, { doing: `fork ${id}`, hold: 'shared', signal }, async () => {
    const { folder, frozen } = templateOf(place, gold) ?? missing(vm, gold)
    const live = frozen.live ?? missing(vm, gold)
    refuseSettings(vm, gold, live)
    const store = await storeOf(vm)
    if (store.name !== frozen.store)
      throw new UsageError(
        `${gold} was frozen with its drives in the store ${frozen.store}, and ${id} would have them in ${store.name}`,
      )
    await refuseThere(vm, store)
    await requireWhole({ folder, live }, signal)
    let watch: Watch | undefined
    let isOurs = false
    try {
      // Half a fork would be a VM with another's identity.
      const onFree = (): void => void (watch = whenKilled([...wordsOf(vm), 'stop', 'rm', '--yes']))
      await adoptRecord(vm, recordOf(vm, frozen), { onFree })
      isOurs = true
      keepKey(vm, gold)
      for (const { number, base } of frozen.drives) await store.createOn(id, await store.base(base), { number })
      const isAnother = vm.settings.identity === 'yes'
      const wake: Wake = { folder, frozen, live, cutsLinks: isAnother }
      const started = await startVm(onItsBridges(vm, live), [], caller, arrivingFrom(vm, wake))
      if (isAnother) await (await import('./identity.js')).makeAnother(vmNow(vm), live, caller)
      return { ...started, template: gold }
    } catch (error) {
      if (isOurs) await endAndRemove(vmNow(vm)).catch((fault: unknown) => caller.note?.(messageOf(fault)))
      throw error
    } finally {
      watch?.dismiss()
    }
  })
}

/** The VM whose template is meant: of this class, or by its whole name. */
function findTemplate(vm: Vm): string {
  const { place, class: vmClass, settings } = vm
  const ids = [...new Set([vmId(settings.gold, vmClass), settings.gold])].filter(isVmId)
  return ids.find((one) => templateFolders(place, one).length > 0) ?? missing(vm, ids[0] ?? settings.gold)
}

function missing({ id, place }: Vm, gold: string): never {
  const isThere = lstat(recordFolder(place, gold)) !== undefined
  throw new Failure(`cannot fork ${id}: ${isThere ? `${gold} was never frozen` : `there is no VM ${gold}`}`, {
    code: 'SOURCE_MISSING',
    hints: [isThere ? `freeze it while it runs: nbsvm ${gold} freeze` : 'name the one that was frozen: gold=VM'],
  })
}

/** Throws a UsageError where a setting asks for another machine than the one that was frozen. */
function refuseSettings(vm: Vm, gold: string, live: FrozenLive): void {
  const [name] = otherThan(vm, live)
  if (name === undefined) return
  throw new UsageError(
    `cannot fork ${vm.id} with ${name}=${String(vm.folded.texts[name])}: ${gold} was frozen ${wordsOfSetting(name, live)}, which its guest has seen`,
    {
      hints: [`leave ${name} out, or start ${gold} with it and freeze it again`],
    },
  )
}

/** Its cards are on the bridges of the template's, unless it is said where they are. */
function onItsBridges(vm: Vm, { texts: { bridge } }: FrozenLive): Vm {
  const { origins } = vm.folded
  if (bridge === undefined || origins.bridge.kind !== 'default' || origins.forward.kind !== 'default') return vm
  const { settings } = foldSettings({ commandLine: { bridge: asWritten(bridge) }, environment: {}, files: new Map() })
  return { ...vm, settings: { ...vm.settings, bridge: settings.bridge } }
}

async function refuseThere({ id, call, place, drawer }: Vm, store: Store): Promise<void> {
  const isThere =
    lstat(recordFolder(place, id)) !== undefined ||
    isRunning(drawer) ||
    (await store.driveNames()).some((name) => parseDriveName(name)?.id === id)
  if (isThere)
    throw new Failure(`there is a VM ${id} already`, { code: 'VM_EXISTS', hints: [`remove it first: ${call} stop rm`] })
}

/** Its own identity, on the hardware that its guest knows. */
function recordOf(vm: Vm, { record }: Frozen): MachineRecord {
  const { seed } = record
  return renewGeneration({
    ...asMachineOf(draftRecord(vm), record),
    ...(seed === undefined ? {} : { seed: { ...seed, instanceId: randomUuid() } }),
  })
}

/** Its guest lets nbsvm's key of the other in. */
function keepKey({ place, id }: Vm, gold: string): void {
  const [theirs, own] = [keyFiles(place, gold).key, keyFiles(place, id).key]
  if (stat(`${theirs}.pub`) === undefined) return
  for (const end of ['', '.pub']) copyNew(`${theirs}${end}`, `${own}${end}`)
}
