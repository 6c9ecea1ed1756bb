// Which UEFI firmware this machine has for a guest.
import path from 'node:path'
import { Failure } from '../core/errors.js'
import type { FileImage } from '../model/drive.js'
import type { Arch } from '../model/guest.js'
import { isFirmwareFor, parseDescriptor, type Descriptor, type FirmwareFiles, type UefiKind } from '../qemu/firmware.js'
import { readHeader } from '../store/common/qcow2.js'
import { list, readRegular, realPath, stat } from '../sys/file.js'
import { install } from './check/finding.js'

/** Larger than any descriptor. */
const largestBytes = 64 * 1024

/** For which guest firmware is wanted. */
export interface FirmwareWanted {
  readonly kind: UefiKind
  readonly arch: Arch
  /** The machine type. */
  readonly type: string
  /** The QEMU program: one that is installed elsewhere brings its own firmware. */
  readonly program: string
  /** How large the guest's variables are, where it has some: each build of the firmware has its own layout. */
  readonly variableBytes?: number | undefined
}

/** The firmware that fits best. Throws a Failure that says what to install. */
export function findFirmware(wanted: FirmwareWanted): FirmwareFiles {
  const all = descriptors(wanted.program).filter((one) => isFirmwareFor(one, wanted) && isThere(one))
  // One that knows nothing of keys before one that waits for them: for plain UEFI either would do.
  const fitting = all.toSorted((one, other) => knowsKeys(one) - knowsKeys(other))
  const { variableBytes } = wanted
  const found = fitting.find(({ template }) => variableBytes === undefined || virtualBytes(template) === variableBytes)
  if (found !== undefined) return found
  if (fitting.length > 0) {
    throw new Failure(`the ${names[wanted.kind]} firmware that its variables were made by is not on this machine any more`, {
      code: 'NOT_INSTALLED',
      hints: ['install that version again'],
    })
  }
  const { kind, arch, type } = wanted
  throw new Failure(`there is no ${names[kind]} firmware for ${arch} and the machine type ${type} on this machine`, {
    code: 'NOT_INSTALLED',
    hints: [`install it: ${install(`uefi-${arch}`)}`],
  })
}

function knowsKeys({ features }: Descriptor): number {
  return Number(features.has('secure-boot'))
}

const names: Readonly<Record<UefiKind, string>> = { uefi: 'UEFI', secure: 'UEFI secure boot' }

/** What an image of flash memory looks like to the guest, in bytes. Throws a Failure for a damaged qcow2 file. */
export function virtualBytes({ format, path: file }: FileImage): number {
  return format === 'qcow2' ? readHeader(file).virtualBytes : (stat(file)?.size ?? 0)
}

/** All descriptors, the preferred first. A file hides those of its name in later folders, an empty one too. */
function descriptors(program: string): Descriptor[] {
  const files = new Map<string, string>()
  for (const folder of folders(program)) {
    for (const name of list(folder)) if (name.endsWith('.json') && !files.has(name)) files.set(name, path.join(folder, name))
  }
  const inOrder = [...files].toSorted(([one], [other]) => (one < other ? -1 : 1))
  return inOrder.map(([, file]) => parseDescriptor(textOf(file))).filter((found) => found !== undefined)
}

/** A QEMU that is built by hand has its own below its prefix. */
function folders(program: string): string[] {
  const prefix = path.dirname(path.dirname(realPath(program) ?? program))
  return ['/etc/qemu/firmware', path.join(prefix, 'share/qemu/firmware'), '/usr/share/qemu/firmware']
}

/** One descriptor that cannot be read keeps nobody from the others. */
function textOf(file: string): string {
  try {
    return readRegular(file, largestBytes) ?? ''
  } catch {
    return ''
  }
}

/** Debian has descriptors of files that it does not have. */
function isThere({ code, template }: FirmwareFiles): boolean {
  return [code, template].every((image) => stat(image.path)?.isFile() === true)
}
