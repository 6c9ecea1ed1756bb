// What a VM is where its settings leave it to nbsvm: what its guest counts on once it has been started so.
import type { Settings } from '../../config/settings.js'
import { Failure } from '../../core/errors.js'
import type { Arch } from '../../model/guest.js'
import { archOfProgram } from '../../qemu/program.js'
import { hostArch } from '../../sys/environment.js'
import { lstat } from '../../sys/file.js'
import { recordFolder, type MachineRecord } from './record.js'
import type { Vm } from './vm.js'

/** Its processor: the setting, else that of its first start or of its image, else what `qemu` is named after, else this machine's. */
export function archOf({ arch, qemu }: Pick<Settings, 'arch' | 'qemu'>, record: MachineRecord | undefined): Arch {
  return arch ?? madeFor(record) ?? archOfProgram(qemu) ?? hostArch()
}

/** What is on its drives is for this processor; undefined where that is not known. */
function madeFor(record: Pick<MachineRecord, 'arch' | 'image'> | undefined): Arch | undefined {
  return record?.arch ?? record?.image?.traits.arch
}

/** Throws a Failure where the settings ask for another processor than what is on the VM's drives was made for. */
export function requireArch({ id, call, settings }: Vm, record: MachineRecord): void {
  const arch = madeFor(record)
  if (settings.arch === undefined || arch === undefined || settings.arch === arch) return
  const why = record.arch === undefined ? `its image, ${record.image?.name}, is for ${arch}` : `it was first started as ${arch}`
  throw new Failure(`cannot start ${id} as ${settings.arch}: ${why}, and so is what is on its drives`, {
    hints: [`leave arch out: ${call} start`, 'or make another VM'],
  })
}

/** What it boots by: the setting, else what it was first started with; UEFI where its image or its board knows nothing else. */
export function firmwareOf(
  settings: Pick<Settings, 'firmware' | 'arch' | 'qemu'>,
  record: MachineRecord | undefined,
): FirmwareKind {
  const chosen = settings.firmware ?? record?.firmware
  if (chosen !== undefined) return chosen
  const needsUefi = record?.image?.traits.firmware.includes('bios') === false || archOf(settings, record) !== 'x86_64'
  return needsUefi ? 'uefi' : 'bios'
}

export type FirmwareKind = 'bios' | 'uefi' | 'secure'

/** The variables of its UEFI (boot entries, keys), under one kind of firmware. */
export function variablesFile({ place, id }: Pick<Vm, 'place' | 'id'>, kind: Exclude<FirmwareKind, 'bios'>): string {
  return `${recordFolder(place, id)}/nvram-${kind}.qcow2`
}

/** What its TPM must not lose: a folder beside the record, of QEMU's user. */
export function tpmFolder({ place, id }: Pick<Vm, 'place' | 'id'>): string {
  return `${recordFolder(place, id)}/tpm`
}

/** Whether it has a TPM: the setting, else whether it had one before. */
export function hasTpm(vm: Pick<Vm, 'place' | 'id' | 'settings'>): boolean {
  return vm.settings.tpm === undefined ? lstat(tpmFolder(vm)) !== undefined : vm.settings.tpm === 'yes'
}
