// Making a VM of what comes from another machine: what must be there before its drives and its RAM.
import path from 'node:path'
import { Failure } from '../../core/errors.js'
import { formatSize } from '../../core/size.js'
import { quoteWord, quoteWords, splitWords } from '../../core/words.js'
import type { Folded, SettingTexts } from '../../config/fold.js'
import { isSettingName, settingsTable, type SettingName } from '../../config/settings.js'
import type { Outside } from '../../host/place.js'
import type { Drive } from '../../model/drive.js'
import type { Store } from '../../store/store.js'
import { appendText, freeBytes, lstat, makePrivateFolder, readText, writeWhole } from '../../sys/file.js'
import { hostSettings, ownSettings } from '../life/movable.js'
import { beforeFolder, type Mark } from '../record/moves.js'
import { adoptRecord, recordFolder } from '../record/record.js'
import { openVm, type Vm } from '../record/vm.js'
import { ownFile, type Parcel, type ParcelDrive } from './parcel.js'

/** Writes its record and what stands beside it, in the place of those that stand by. */
export async function adopt(vm: Vm, { record, files }: Parcel, { standby }: Pick<Mark, 'standby'>): Promise<void> {
  await adoptRecord(vm, record, standby ? { aside: beforeFolder(vm.place, vm.id) } : {})
  const folder = recordFolder(vm.place, vm.id)
  for (const { name, bytes } of files) {
    makePrivateFolder(path.dirname(path.join(folder, name)))
    writeWhole(path.join(folder, name), bytes)
  }
}

/** Makes its drives, empty. Throws a Failure where there is no room for them. */
export async function makeDrives(vm: Vm, store: Store, { drives, live }: Parcel): Promise<Drive[]> {
  const made: Drive[] = []
  for (const wanted of drives) made.push(await makeDrive(vm, store, wanted, live !== undefined))
  const folder = made.find(({ image }) => image.kind === 'file')?.image.path
  const needed = drives.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0)
  const free = folder === undefined ? Infinity : freeBytes(path.dirname(folder))
  if (free >= needed) return made
  throw new Failure(`its drives take ${formatSize(needed)}, and ${formatSize(free)} are free on this machine`, {
    code: 'NO_SPACE',
  })
}

async function makeDrive(vm: Vm, store: Store, wanted: ParcelDrive, isLive: boolean): Promise<Drive> {
  const drive = await store.create(vm.id, wanted.virtualBytes)
  // One was removed from between.
  if (drive.number < wanted.number) {
    try {
      return await makeDrive(vm, store, wanted, isLive)
    } finally {
      await store.remove(drive)
    }
  }
  const { virtualBytes } = await store.size(drive)
  if (virtualBytes === wanted.virtualBytes || (!isLive && virtualBytes > wanted.virtualBytes)) return drive
  throw new Failure(`its drive ${wanted.number} has ${wanted.virtualBytes} bytes, and would have ${virtualBytes} here`, {
    code: 'MOVE_IMPOSSIBLE',
    hints: ['move it while it is off, or resize it to whole megabytes before'],
  })
}

/**
 * Writes the settings that make its hardware where they are looked for, so that its next start makes the same machine. A file that is
 * there already stays, and gets what would be other than it was. The file that came along says nothing of this host, whose own settings
 * (store, bridge, qemu) stay as they were before it. Returns the lines that were added.
 */
export async function keepSettings(vm: Vm, { settings, file: text }: Parcel, outside: Outside): Promise<readonly string[]> {
  const file = ownFile(vm)
  if (file === undefined) return []
  if (lstat(file) === undefined && text !== undefined) {
    makePrivateFolder(path.dirname(file))
    writeWhole(file, text)
  }
  const here = await foldedHere(vm, outside)
  const added = [...hardwareLines(settings, ownSettings({ folded: here })), ...hostLines(vm.folded, here, file)]
  if (added.length > 0) {
    makePrivateFolder(path.dirname(file))
    const before = readText(file) ?? ''
    appendText(file, `${before === '' || before.endsWith('\n') ? '' : '\n'}${added.map((line) => `${line}\n`).join('')}`)
    await foldedHere(vm, outside)
  }
  return added
}

async function foldedHere(vm: Vm, outside: Outside): Promise<Folded> {
  try {
    return (await openVm(vm.id, { ...outside, line: {}, vmClass: vm.class })).folded
  } catch (error) {
    throw new Failure('its settings are not right on this machine', { cause: error })
  }
}

function hardwareLines(wanted: SettingTexts, here: SettingTexts): string[] {
  const names = Object.keys(wanted).filter((name): name is SettingName => isSettingName(name))
  return names.filter((name) => wanted[name] !== here[name]).map((name) => settingLine(name, wanted[name] ?? ''))
}

/** What this host had without the file, where the file says otherwise. */
function hostLines({ texts: before }: Folded, { texts, origins }: Folded, file: string): string[] {
  const isChanged = (name: SettingName): boolean => {
    const origin = origins[name]
    return origin.kind === 'file' && origin.file === file && String(texts[name]) !== String(before[name] ?? '')
  }
  return hostSettings.filter(isChanged).map((name) => settingLine(name, before[name] ?? ''))
}

/** A list as an array: a shell takes no string in its place once it is one. */
function settingLine(name: SettingName, value: string | readonly string[]): string {
  if (!settingsTable[name].quantity.isList) return `${name}=${value === '' ? '' : quoteWord(String(value))}`
  return `${name}=(${quoteWords(typeof value === 'string' ? splitWords(value) : value)})`
}
