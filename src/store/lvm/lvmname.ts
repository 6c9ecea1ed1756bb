// Names and tags in the volume group. What is no whole drive is never named like one.
import { Failure } from '../../core/errors.js'

/** On a volume that is still being made; gone once it is whole and has its name. */
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

/** On a base: which drive it was. */
export function formerTag(name: string): string {
  return `nbsvm_was=${name}`
}

// DM_NAME_LEN is 128 with the closing NUL. The kernel's name of a volume is VG-LV with every "-" doubled, and parts of a
// snapshot have `-real` or `-cow` behind it.
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
