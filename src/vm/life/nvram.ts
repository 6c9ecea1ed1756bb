// The UEFI of a VM, and its variables (boot entries, keys), which are kept beside its record: a file for each kind of firmware, as
// what one has written is nothing that the other can use.
import { Failure } from '../../core/errors.js'
import { quoteWord, quoteWords } from '../../core/words.js'
import { findFirmware, virtualBytes, type FirmwareWanted } from '../../host/firmware.js'
import type { FileImage } from '../../model/drive.js'
import type { Firmware } from '../../model/machine.js'
import type { UefiKind } from '../../qemu/firmware.js'
import { lstat, makePrivateFolder, remove, rename, syncFile, syncFolder } from '../../sys/file.js'
import { runOrFail } from '../../sys/process.js'
import { variablesFile } from '../record/choice.js'
import { recordFolder } from '../record/record.js'
import type { Vm } from '../record/vm.js'

/** Variables that have to be made. */
export interface NewVariables {
  readonly file: string
  readonly template: FileImage
}

/** The UEFI that a VM is started with, and where its variables come from if it has none yet. Throws a Failure that says what to install. */
export function planUefi(
  vm: Pick<Vm, 'place' | 'id'>,
  wanted: Omit<FirmwareWanted, 'variableBytes'>,
): { readonly firmware: Firmware; readonly newVariables?: NewVariables } {
  const file = variablesFile(vm, wanted.kind)
  const variables: FileImage = { kind: 'file', format: 'qcow2', path: file }
  const isThere = lstat(file) !== undefined
  const { code, template, needsSmm } = whyNot(vm.id, file, isThere, () =>
    findFirmware({ ...wanted, variableBytes: isThere ? virtualBytes(variables) : undefined }),
  )
  const firmware = { kind: wanted.kind, code, variables, needsSmm }
  return isThere ? { firmware } : { firmware, newVariables: { file, template } }
}

function whyNot<T>(id: string, file: string, isThere: boolean, find: () => T): T {
  try {
    return find()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const again = isThere ? [`or let it begin with new ones, without its boot entries: rm ${quoteWord(file)}`] : []
    throw new Failure(`cannot start ${id}: ${error.message}`, { hints: [...error.hints, ...again] })
  }
}

/** Makes them, as a copy of the template. The caller holds the VM's lock. `note` tells that those of another firmware stay behind. */
export async function makeVariables(
  vm: Pick<Vm, 'place' | 'id'>,
  kind: UefiKind,
  made: NewVariables,
  note: (text: string) => void,
): Promise<void> {
  const temporary = `${made.file}.tmp`
  makePrivateFolder(recordFolder(vm.place, vm.id))
  try {
    await runOrFail(`make the UEFI variables of ${vm.id}`, convert({ ...made, file: temporary }), { isPrivate: true })
    syncFile(temporary)
    rename(temporary, made.file)
  } catch (error) {
    remove(temporary)
    throw error
  }
  syncFolder(recordFolder(vm.place, vm.id))
  const other = kind === 'uefi' ? 'secure' : 'uefi'
  if (lstat(variablesFile(vm, other)) !== undefined) {
    note(`${vm.id} begins with new UEFI variables: its boot entries under firmware=${other} stay there`)
  }
}

/** The same as a line for a shell. */
export function makingVariables({ file, template }: NewVariables): string {
  const folder = file.slice(0, file.lastIndexOf('/'))
  const make = `mkdir -p -m 700 ${quoteWord(folder)} && (umask 077 && ${quoteWords(convert({ file, template }))})`
  return `test -e ${quoteWord(file)} || { ${make}; }`
}

function convert({ file, template }: NewVariables): string[] {
  return ['qemu-img', 'convert', '-f', template.format, '-O', 'qcow2', template.path, file]
}
