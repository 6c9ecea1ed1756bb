// What of an archive becomes a VM here: whoever wrote it may want more than that.
import { isSettingName, settingsTable, type SettingName } from '../../config/settings.js'
import type { SettingTexts } from '../../config/fold.js'
import { Failure, messageOf } from '../../core/errors.js'
import { shorten } from '../../core/quote.js'
import { isOfGuest } from '../record/foreign.js'
import { newIdentity, randomUuid } from '../record/identity.js'
import { readRecord, recordedIds, renewGeneration, type MachineRecord } from '../record/record.js'
import { recordFormat } from '../record/shape.js'
import type { Vm } from '../record/vm.js'
import { randomHex } from '../../sys/stamp.js'
import type { Manifest } from './manifest.js'

/** Those that only the very same VM keeps: what it is reached by. */
const reachesIt: ReadonlySet<SettingName> = new Set(['mac', 'forward'])

export interface Believed {
  readonly settings: SettingTexts
  /** For the user: what was left out. */
  readonly leftOut: readonly string[]
}

/** Chooses among the settings. Throws a Failure for a value that the setting cannot have. */
export function believedSettings(written: Manifest['settings'], isSame: boolean): Believed {
  const settings: Partial<Record<SettingName, string>> = {}
  const leftOut: string[] = []
  for (const [name, text = ''] of Object.entries(written)) {
    const isTaken = isSettingName(name) && (isOfGuest(name, text) || (isSame && reachesIt.has(name)))
    if (!isTaken) {
      leftOut.push(shorten(`${name}=${text}`, 120))
      continue
    }
    try {
      settingsTable[name].quantity.parse(text)
    } catch (error) {
      throw new Failure(`its setting ${name} is not right: ${messageOf(error)}`, { code: 'ARCHIVE_DAMAGED' })
    }
    settings[name] = text
  }
  return { settings, leftOut }
}

/**
 * The record that it gets: of another VM with the same hardware, as a clone is one, or of the very same. Throws a Failure where that one
 * is here already.
 */
export function believedRecord(
  vm: Pick<Vm, 'place' | 'id' | 'name' | 'class'>,
  { record }: Manifest,
  isSame: boolean,
): MachineRecord {
  const { name, class: vmClass } = vm
  if (isSame) {
    requireAlone(vm, record)
    return renewGeneration({ ...record, name, class: vmClass ?? null })
  }
  const { uuid: _, macs: __, sshPort: ___, seed, ...machine } = record
  return renewGeneration({
    ...machine,
    name,
    class: vmClass ?? null,
    // Its own from the first moment: that of whoever else gets this name meanwhile is another.
    ...newIdentity(randomHex(16), vm.place, vm.id),
    // A guest that reads it takes itself for new, and makes keys of its own.
    ...(seed === undefined ? {} : { seed: { ...seed, instanceId: randomUuid() } }),
  })
}

/** The record of a VM of which nothing is known yet. */
export function freshRecord({ place, id, name, class: vmClass }: Pick<Vm, 'place' | 'id' | 'name' | 'class'>): MachineRecord {
  const identity = newIdentity(randomHex(16), place, id)
  return renewGeneration({ format: recordFormat, name, class: vmClass ?? null, ...identity, generation: 'auto' })
}

function requireAlone({ place }: Pick<Vm, 'place'>, { uuid }: MachineRecord): void {
  for (const id of recordedIds(place)) {
    if (quietUuid(place, id) !== uuid) continue
    throw new Failure(`this very VM is here already, as ${id}`, {
      code: 'VM_EXISTS',
      hints: ['without --same it becomes another one'],
    })
  }
}

function quietUuid(place: Vm['place'], id: string): string | undefined {
  try {
    return readRecord(place, id)?.uuid
  } catch {
    return undefined
  }
}
