// What is written down at the start of a VM that may move while it runs: what its guest sees, and the settings that made it so.
import { asObject } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import { isSettingName, settingNames, type SettingName } from '../../config/settings.js'
import { asWritten, type SettingTexts } from '../../config/fold.js'
import { asBooted } from '../../qemu/frozen.js'
import { checkPortable, portableOf, type Portable } from '../../qemu/portable.js'
import { readText } from '../../sys/file.js'
import type { Drawer } from '../record/drawer.js'
import type { Vm } from '../record/vm.js'
import type { Plan } from './plan.js'

export interface Movable {
  readonly machine: Portable
  readonly settings: SettingTexts
}

/** Those that say what a host has, and how it runs VMs. */
export const hostSettings = [
  'aio',
  'store',
  'vg',
  'pool',
  'ceph_conf',
  'ceph_user',
  'snapshot_size',
  'bridge',
  'vhost',
  'accel',
  'run_as',
  'qemu',
  'vnc_port',
  'viewer',
] as const satisfies readonly SettingName[]

/** These, and those that say what is done there once; a machine that a VM comes to has its own. */
const ofTheHost: ReadonlySet<SettingName> = new Set([
  ...hostSettings,
  ...(['gold', 'snapshot_lv', 'source', 'bs', 'ddargs', 'trust_source', 'image', 'drive_size', 'timeout', 'log_size'] as const),
  ...(['ssh_key', 'password', 'user_data', 'packages', 'share'] as const),
])

/** The settings of a VM that make its guest's hardware, as they are written, where anybody set them. */
export function ownSettings({ folded: { texts, origins } }: Pick<Vm, 'folded'>): SettingTexts {
  const names = settingNames.filter((name) => !ofTheHost.has(name) && origins[name].kind !== 'default')
  return Object.fromEntries(names.map((name) => [name, asWritten(texts[name] ?? '')]))
}

/** What is to be written down. Throws a Failure where its guest could not go on elsewhere. */
export function describeMovable(vm: Vm, { machine }: Plan): string {
  try {
    return JSON.stringify({ machine: portableOf(asBooted(machine)), settings: ownSettings(vm) } satisfies Movable)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    throw new Failure(`cannot start ${vm.id} with movable=yes: ${error.message}`, {
      hints: [...error.hints, `or start it as one that stays: ${vm.call} movable=no start`],
    })
  }
}

/** What was written down of a VM that runs; undefined where it was started as one that stays. */
export function readMovable({ portable }: Pick<Drawer, 'portable'>): Movable | undefined {
  const text = readText(portable)
  return text === undefined ? undefined : checkMovable(JSON.parse(text), '')
}

export function checkMovable(value: unknown, place: string): Movable {
  const { machine, settings } = asObject(value) ?? {}
  return { machine: checkPortable(machine, `${place}.machine`), settings: checkSettings(settings) }
}

/** Settings as text, by name; what this nbsvm has no such setting for is left out. */
export function checkSettings(value: unknown): SettingTexts {
  const found = Object.entries(asObject(value) ?? {}).filter(
    ([name, text]) => isSettingName(name) && typeof text === 'string' && !ofTheHost.has(name),
  )
  return Object.fromEntries(found)
}
