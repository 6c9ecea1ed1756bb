import type { Folded } from '../../config/fold.js'
import { loadSettings, settingsFiles, type Subject } from '../../config/layers.js'
import type { Settings } from '../../config/settings.js'
import { Failure, UsageError } from '../../core/errors.js'
import { nameIn } from '../../core/name.js'
import { quoteWord } from '../../core/words.js'
import { stat } from '../../sys/file.js'
import { drawerNow, type Drawer } from './drawer.js'
import type { Outside, Place } from '../../host/place.js'
import { idOf } from './id.js'
import { classFrom01 } from './old.js'
import { readRecord, requirePair } from './record.js'

/** One VM: its names, where its things are, and its settings. That there is such a VM is not said: `exists` looks. */
export interface Vm {
  /** As the user calls it, without the class. */
  readonly name: string
  readonly class: string | undefined
  /** How the user calls it, for messages that say what to type: `nbsvm foo`, `nbsvm foo class=win`, `nbsvm box2:foo`. */
  readonly call: string
  /** `[CLASS-]VM`: what its drawer, drives and files are called. */
  readonly id: string
  readonly place: Place
  readonly drawer: Drawer
  readonly settings: Settings
  /** The settings with their origins, for `explain`. */
  readonly folded: Folded
}

/**
 * Opens a VM by name, or by its id as `ls` shows it: checks the name, then reads and folds its settings. Touches nothing.
 * Rejects with UsageError for what is wrong in a settings file, and with a Failure for a damaged record, unless somebody takes it
 * with `onMistake`: then the VM has no settings from files, or no class but that of the line.
 */
export async function openVm(called: string, outside: Outside, onMistake?: (mistake: Failure) => void): Promise<Vm> {
  const { place, environment, line } = outside
  const id = idOf(called, outside.vmClass)
  const drawer = drawerNow(place.state, id)
  const vmClass = orMistake(() => classOf(id, drawer, outside), onMistake) ?? outside.vmClass
  const name = nameIn(vmClass, id)
  const folded = await load(
    { folders: place.config, vm: name, vmClass, drawer: drawer.folder, commandLine: line, environment },
    onMistake,
  )
  const host = environment['NBSVM_HOST']
  // Whoever has typed the line at another machine (remote/command.ts) types the next one there.
  const target = host === undefined ? name : quoteWord(`${host}:${name}`)
  const call = vmClass === undefined ? `nbsvm ${target}` : `nbsvm ${target} class=${vmClass}`
  return { name, call, class: vmClass, id, place, drawer, settings: folded.settings, folded }
}

/** The class that the VM was made in, which the line may repeat. Throws a UsageError where it gives another. */
function classOf(id: string, drawer: Drawer, { place, vmClass }: Outside): string | undefined {
  const record = readRecord(place, id)
  if (vmClass === undefined) return record === undefined ? classFrom01(id, drawer) : (record.class ?? undefined)
  if (record !== undefined) requirePair(id, record, { name: nameIn(vmClass, id), class: vmClass })
  return vmClass
}

/** What `look` finds; undefined where it fails and somebody takes the mistake. */
function orMistake<T>(look: () => T, onMistake: ((mistake: Failure) => void) | undefined): T | undefined {
  try {
    return look()
  } catch (error) {
    if (onMistake === undefined || !(error instanceof Failure)) throw error
    onMistake(error)
    return undefined
  }
}

async function load(subject: Subject, onMistake: ((mistake: Failure) => void) | undefined): Promise<Folded> {
  try {
    return await loadSettings(subject)
  } catch (error) {
    if (onMistake === undefined || !(error instanceof UsageError)) throw error
    // What is wrong on the line or in the environment is thrown here all the same.
    const folded = await loadSettings({ ...subject, folders: { userFolder: undefined, systemFolder: undefined } })
    onMistake(
      new UsageError(error.message, {
        cause: error.cause,
        hints: [...error.hints, 'no settings file is used until that is mended'],
      }),
    )
    return folded
  }
}

/** Whether the user wrote settings for this VM alone. */
export function hasOwnFile({ place, name, class: vmClass }: Pick<Vm, 'place' | 'name' | 'class'>): boolean {
  return settingsFiles(place.config, name, vmClass).some((file) => file.endsWith('.vm') && stat(file) !== undefined)
}

/** A VM without drives can boot what its settings or QEMU options name: `nbsvm new start -cdrom x.iso`. */
export function bootsOtherwise({ settings }: Pick<Vm, 'settings'>, options: readonly string[]): boolean {
  return options.length > 0 || [settings.drives, settings.args, settings.cdrom].some((value) => value !== undefined)
}

/** The same VM after an action, which may have started it: where its sockets are follows from what started it. */
export function vmNow(vm: Vm): Vm {
  return { ...vm, drawer: drawerNow(vm.place.state, vm.id) }
}
