// What `start` would do now, as data: from the same plan.
import { describeOrigin } from '../../config/fold.js'
import { describeDefault, settingNames, type SettingName } from '../../config/settings.js'
import type { Caller } from '../../core/caller.js'
import { formatSize } from '../../core/size.js'
import { quoteWords } from '../../core/words.js'
import { pasteableHelpers } from '../../helper/command.js'
import type { Drive } from '../../model/drive.js'
import type { Words } from '../../model/machine.js'
import { makingCommands } from '../../net/tap.js'
import { pasteable } from '../../qemu/command.js'
import { isRoot } from '../../sys/environment.js'
import { historyIn } from '../record/drawer.js'
import type { Store } from '../../store/store.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'
import { planMachine, type Plan } from './plan.js'
import type { SeedText } from './seeding.js'
import { tapsOf } from './taps.js'

/** As `nbsvm foo explain --json` shows it; the names of these fields never change their meaning. */
export interface Explanation {
  readonly id: string
  readonly settings: readonly ExplainedSetting[]
  /** What is not in the command: how a value comes about. */
  readonly notes: readonly string[]
  /** What its guest is told of who it is, by name; keys' private halves are left out. */
  readonly seed: readonly SeedText[]
  /** Lines for bash or zsh that do what `start` does: what needs root, the helpers, QEMU. Comments are among them. */
  readonly commands: readonly string[]
}

export interface ExplainedSetting {
  readonly name: SettingName
  /** As it was written: a text, or the words of an array; null where nothing is set. */
  readonly value: string | readonly string[] | null
  /** `command line`, `environment`, `FILE:LINE`, `default`, `pinned in the record`, `needed by its image`. */
  readonly origin: string
  /** What holds where nothing is set, in words. */
  readonly default: string
}

/** Works out what `start` would do with these QEMU options. Nothing is started or changed. */
export async function explainVm(vm: Vm, options: Words = [], caller: Caller = {}): Promise<Explanation> {
  const plan = await planMachine(vm, options, {}, caller)
  const { machine, runAs, helpers, record, newVariables } = plan
  const { drawer } = vm
  const sudo = isRoot() ? [] : ['sudo']
  const store = vm.settings.drives === undefined ? await storeOf(vm) : undefined
  const drives = (await store?.drives(vm.id)) ?? []
  const asRoot = [...(store?.opening?.(drives) ?? []), ...tapsOf(machine, runAs.uid).flatMap(makingCommands)]
  const hasSeed = machine.seed !== undefined
  const seed = hasSeed ? (await import('./seeding.js')).describeSeed(vm, record, machine) : []
  const random = 'generation id: random; written into its record when nbsvm makes a drive of it, or starts it'
  return {
    id: vm.id,
    settings: settingNames.map((name) => explained(name, vm, plan)),
    notes: [
      ...(record.generation === 'auto' ? [random] : []),
      ...(machine.seed?.kind === 'disk' ? [`the disk that tells the guest who it is, ${drawer.seed}, is written by start`] : []),
    ],
    seed,
    commands: [
      ...asRoot.map((command) => quoteWords([...sudo, ...command])),
      ...(newVariables === undefined ? [] : [(await import('./nvram.js')).makingVariables(newVariables)]),
      ...(store?.filesFor === undefined ? [] : await laying(vm, store, drives, runAs)),
      ...(machine.tpm ? [(await import('./tpm.js')).preparingTpm(vm, runAs)] : []),
      ...pasteableHelpers(drawer.folder, helpers, historyIn(drawer)),
      pasteable(machine, drawer.folder, runAs),
    ],
  }
}

async function laying({ drawer }: Vm, store: Store, drives: readonly Drive[], runAs: Plan['runAs']): Promise<string[]> {
  return (await import('../drive/qemufiles.js')).layingQemuFiles(drawer, store, drives, runAs)
}

function explained(name: SettingName, { folded, settings }: Vm, { machine, record }: Plan): ExplainedSetting {
  const pinned: Partial<Record<SettingName, string | undefined>> = {
    machine: record.machine,
    firmware: record.firmware,
    arch: record.arch,
    tpm: machine.tpm ? 'yes' : undefined,
    cpu: record.cpu?.[machine.accelerator],
  }
  const value = folded.texts[name] ?? null
  const needsMore = name === 'mem' && machine.memBytes > settings.mem
  const pin = pinned[name]
  const inWords = describeDefault(name)
  if (pin !== undefined && value === null) return { name, value: pin, origin: 'pinned in the record', default: inWords }
  if (needsMore) return { name, value: formatSize(machine.memBytes), origin: 'needed by its image', default: inWords }
  return { name, value, origin: describeOrigin(folded.origins[name]), default: inWords }
}
