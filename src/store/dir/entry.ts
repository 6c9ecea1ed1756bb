// Every name in the folder of drives, and what it means:
//
//   nbsvm-foo-0.qcow2, .raw    a drive; an image of any other name can be a source (`snapshot_lv=NAME`), and is left alone
//   .base-1f..c2.qcow2, .raw   a read-only image under overlays. It is in the same folder as they, and not in one of its own,
//                              so that the relative name in an overlay is right also after the overlay became a base
//   .pin-1f..c2-NAME           keeps the base of that number, whatever stands on it; empty
//   .move-1f..c2-nbsvm-foo-0   that base is the drive as long as the drive has no file: only where there are no hard links
//   .tmp-9a..0e-1.qcow2        unfinished work of a job; swept when nobody holds the job's lock
//   .tmp-9a..0e.lock           the job's lock
//   .layers/                   root's: QEMUs that may not enter this folder hold that one open; a new layer of one has a name there
//                              while it is opened, `nbsvm-foo-0`
//   .lock                      held for milliseconds by whoever changes which image stands on which
//   .lock-nbsvm-foo-0          held while a running VM is switched to a new layer
import { parseDriveName } from '../../core/name.js'
import type { ImageFormat } from '../../model/drive.js'
import { list } from '../../sys/file.js'

export type DriveFormat = Extract<ImageFormat, 'qcow2' | 'raw'>

/** An image of the store by its name: `nbsvm-foo-0` and its format. */
export interface Entry {
  readonly name: string
  readonly format: DriveFormat
  /** `nbsvm-foo-0.qcow2` */
  readonly file: string
}

/** The names of all drives: one look into the folder; no image is opened. */
export function driveNames(folder: string): string[] {
  const names = new Set<string>()
  for (const file of list(folder)) {
    const name = parseEntry(file)?.name ?? parseMove(file)?.drive
    if (name !== undefined && parseDriveName(name) !== undefined) names.add(name)
  }
  return [...names]
}

export const layersName = '.layers'

export const storeLockName = '.lock'

export function driveLockName(name: string): string {
  return `.lock-${name}`
}

export function isDriveLockName(file: string): boolean {
  return file.startsWith(driveLockName(''))
}

/** What an image's file name says, or undefined for anything else in the folder. */
export function parseEntry(file: string): Entry | undefined {
  const { name, format } = /^(?<name>[A-Za-z0-9][A-Za-z0-9._+-]*)\.(?<format>qcow2|raw)$/.exec(file)?.groups ?? {}
  return name === undefined ? undefined : { name, format: format as DriveFormat, file }
}

export function entry(name: string, format: DriveFormat): Entry {
  return { name, format, file: `${name}.${format}` }
}

export function baseName(hex: string, format: DriveFormat): string {
  return `.base-${hex}.${format}`
}

/** The format of a base by its file name, or undefined when it is no base's name. */
export function baseFormat(file: string): DriveFormat | undefined {
  return /^\.base-[0-9a-f]{8,64}\.(?<format>qcow2|raw)$/.exec(file)?.groups?.['format'] as DriveFormat | undefined
}

/** The number of a base in its name: `1f..c2`. */
function baseHex(file: string): string | undefined {
  return /^\.base-(?<hex>[0-9a-f]{8,64})\./.exec(file)?.groups?.['hex']
}

/** A base is pinned by an empty file whose name says it all: it is there or not, and no crash leaves half of it. */
export function pinName(base: string, name: string): string {
  return `.pin-${baseHex(base) ?? ''}-${name}`
}

/** What a pin's file name says: the number of its base, and the pin's own name. */
export function parsePin(file: string): { readonly hex: string; readonly name: string } | undefined {
  const { hex, name } = /^\.pin-(?<hex>[0-9a-f]{8,64})-(?<name>[A-Za-z0-9][A-Za-z0-9._-]*)$/.exec(file)?.groups ?? {}
  return hex === undefined || name === undefined ? undefined : { hex, name }
}

/** Says that a base is a drive on its way to become one: see `freeze.ts`. */
export function moveName(base: string, drive: string): string {
  return `.move-${baseHex(base) ?? ''}-${drive}`
}

/** What such a file's name says. */
export function parseMove(file: string): { readonly hex: string; readonly drive: string } | undefined {
  const { hex, drive } = /^\.move-(?<hex>[0-9a-f]{8,64})-(?<drive>[A-Za-z0-9][A-Za-z0-9._+-]*)$/.exec(file)?.groups ?? {}
  return hex === undefined || drive === undefined ? undefined : { hex, drive }
}

/** The bases of a number: one, or none. */
export function basesOf(hex: string): readonly string[] {
  return (['qcow2', 'raw'] as const).map((format) => baseName(hex, format))
}

export function jobLockName(job: string): string {
  return `.tmp-${job}.lock`
}

export function temporaryName(job: string, number: number, format: DriveFormat): string {
  return `.tmp-${job}-${number}.${format}`
}

/** The job that a temporary or a job's lock belongs to, or undefined for any other name. */
export function jobOf(file: string): string | undefined {
  return /^\.tmp-(?<job>[0-9a-f]+)[-.]/.exec(file)?.groups?.['job']
}

/** The format of a temporary image by its name. */
export function temporaryFormat(file: string): DriveFormat | undefined {
  return /^\.tmp-[0-9a-f]+-\d+\.(?<format>qcow2|raw)$/.exec(file)?.groups?.['format'] as DriveFormat | undefined
}
