// Names and tags in the volume group. What is not a complete drive never has a drive's name.
import type { Drive } from '../../model/drive.js'
import { Failure, UsageError } from '../../core/errors.js'
import { parseDriveName } from '../../core/name.js'

/** lvm(8). Whoever else has the disk may have written anything into its metadata, and this goes to terminals and commands. */
export const nameShape = /^[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,127}$/
export const tagShape = /^[A-Za-z0-9+_.\-/=!:&#]{1,1024}$/

/** Checks the name of a volume group or a thin pool that a setting gives. Throws a UsageError that quotes it. */
export function checkGroupName(setting: 'vg' | 'pool', name: string): void {
  if (nameShape.test(name) && name !== '.' && name !== '..') return
  const what = setting === 'vg' ? 'volume group' : 'thin pool'
  throw new UsageError(`${setting}: ${JSON.stringify(name)} cannot be the name of a ${what}`, {
    hints: ['letters, digits, "+", "_", "." and "-", which is not the first'],
  })
}

/** On a volume that is still being made; gone once it is complete and has its name. */
export const unfinishedTag = 'nbsvm_unfinished'

/** On a removed drive that its snapshots still need. */
export const baseTag = 'nbsvm_base'

const makerPrefix = 'nbsvm_by='
const temporaryPrefix = 'nbsvm_tmp-'
const basePrefix = 'nbsvm_base-'

export function temporaryName(unique: string): string {
  return `${temporaryPrefix}${unique}`
}

export function isTemporaryName(name: string): boolean {
  return name.startsWith(temporaryPrefix)
}

export function baseName(unique: string): string {
  return `${basePrefix}${unique}`
}

export function isBaseName(name: string): boolean {
  return name.startsWith(basePrefix)
}

/** Tells later commands who makes an unfinished volume, so that they leave it alone while that process lives. */
export function makerTag(mark: string): string {
  return `${makerPrefix}${mark}`
}

/** The process mark in a volume's tags, or undefined when it has none. */
export function makerOf(tags: readonly string[]): string | undefined {
  return tags.find((tag) => tag.startsWith(makerPrefix))?.slice(makerPrefix.length)
}

const pinPrefix = 'nbsvm_pin='

/** On a base that is kept, whatever stands on it. Throws a UsageError for a name that no tag can hold. */
export function pinTag(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) return pinPrefix + name
  throw new UsageError(`${JSON.stringify(name)} cannot be the name of a pin`)
}

/** The names under which a base is pinned. */
export function pinsOf(tags: readonly string[]): string[] {
  return tags.filter((tag) => tag.startsWith(pinPrefix)).map((tag) => tag.slice(pinPrefix.length))
}

/** On a base: which drive it was. */
export function formerTag(name: string): string {
  return `nbsvm_was=${name}`
}

const successorPrefix = 'nbsvm_for='

/** On an unfinished volume that takes the place of a drive: whose. */
export function successorTag(name: string): string {
  return successorPrefix + name
}

/** The drive whose place a volume takes; undefined for one that takes none's. */
export function placeOf(tags: readonly string[]): string | undefined {
  return tags.find((tag) => tag.startsWith(successorPrefix))?.slice(successorPrefix.length)
}

// DM_NAME_LEN is 128 with the closing NUL. The kernel's name of a volume is VG-LV with every "-" doubled, and parts of a
// snapshot have `-real` or `-cow` after it.
const maxMappedLength = 127 - '-real'.length

/** Refuses a drive name that device-mapper could not take, before anything is made. */
export function checkMappedName(vg: string, name: string): void {
  const length = `${vg}-${name}`.replaceAll('-', '--').length - 1
  if (length <= maxMappedLength) return
  throw new Failure(
    `cannot make ${name}: its name is too long for a volume of ${vg}: ${length} characters with every "-" counted twice, ` +
      `${maxMappedLength} at most`,
    { hints: ['give the VM a shorter name'] },
  )
}

/** Where an active volume is found. */
export function volumePath(vg: string, name: string): string {
  return `/dev/${vg}/${name}`
}

/** The volume as a drive, or undefined when its name is none. */
export function asDrive(path: string): Drive | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const number = parseDriveName(name)?.number
  return number === undefined ? undefined : { name, number, image: { format: 'raw', path, kind: 'block' } }
}
