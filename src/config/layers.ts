// Which settings files there are for a VM.
import path from 'node:path'
import { UsageError } from '../core/errors.js'
import { vmId } from '../core/name.js'
import { homeFolder } from '../sys/environment.js'
import { quoteWord } from '../core/words.js'
import { readRegular } from '../sys/file.js'
import { builtInClass, builtInName } from './builtin.js'
import type { FileValue } from './evaluate.js'
import type { Folded, SettingTexts } from './fold.js'
import { foldSettings } from './fold.js'
import type { SettingName } from './settings.js'

/** The folders of settings files; undefined, or the same twice, where there is no such layer. */
export interface Folders {
  /** `~/.config/nbsvm`; `/etc/nbsvm` as root; `DIR/config` with NBSVM_HOME=DIR. */
  readonly userFolder: string | undefined
  /** `/etc/nbsvm`, under the user's. */
  readonly systemFolder: string | undefined
}

/** Whose settings are wanted, and what they come from besides files. */
export interface Subject {
  readonly folders: Folders
  /** The VM's name without its class; undefined for the settings of a class alone. */
  readonly vm: string | undefined
  readonly vmClass: string | undefined
  /** What `$drawer` stands for in files. */
  readonly drawer: string | undefined
  readonly commandLine: SettingTexts
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * Reads the settings files that exist and folds all layers. Rejects with UsageError for what is wrong in a file or a value,
 * with its place; nothing is run and nothing is changed.
 */
export async function loadSettings(subject: Subject): Promise<Folded> {
  const { commandLine, environment } = subject
  return foldSettings({ commandLine, environment, files: await readFiles(subject) })
}

async function readFiles(subject: Subject): Promise<ReadonlyMap<SettingName, FileValue>> {
  const { folders, vm, vmClass, drawer, commandLine, environment } = subject
  const texts = new Map<string, string>()
  const read = (file: string): void => {
    const text = readSettingsFile(file)
    if (text !== undefined) texts.set(file, text)
  }
  for (const file of settingsFiles(folders, undefined, undefined)) read(file)
  const builtIn = vmClass === undefined ? undefined : builtInClass(vmClass)
  if (vmClass !== undefined && builtIn !== undefined) texts.set(builtInName(vmClass), builtIn)
  for (const file of settingsFiles(folders, vm, vmClass)) if (!texts.has(file)) read(file)
  // Most VMs have no file, and the reader of files is a third of all that `start` would load.
  if (texts.size === 0) return new Map()
  const { evaluateFiles } = await import('./evaluate.js')
  return evaluateFiles([...texts.keys()], {
    variables: { ...environment, ...commandLine, vm, class: vmClass, drawer },
    home: environment['HOME'] || homeFolder(),
    read: (file) => texts.get(file) ?? readSettingsFile(file),
  })
}

/** The files that are looked for, weakest first; the user's stands above the system's of the same rank. */
export function settingsFiles(folders: Folders, vm: string | undefined, vmClass: string | undefined): string[] {
  const names = ['default.class']
  if (vmClass !== undefined) names.push(`${vmClass}.class`)
  if (vm !== undefined) names.push(`${vmId(vm, vmClass)}.vm`)
  const { systemFolder, userFolder } = folders
  const places = [systemFolder, userFolder].filter((folder) => folder !== undefined)
  return [...new Set(names.flatMap((name) => places.map((folder) => path.join(folder, name))))]
}

/** Larger than this is not a settings file. */
const mostBytes = 1024 * 1024

function readSettingsFile(file: string): string | undefined {
  try {
    return readRegular(file, mostBytes)
  } catch (error) {
    throw new UsageError(`cannot read the settings file ${file}`, {
      cause: error,
      hints: [`look at it: ls -lL ${quoteWord(file)}`],
    })
  }
}
