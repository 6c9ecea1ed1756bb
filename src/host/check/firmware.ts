// UEFI, and the TPM that goes with it.
import { Failure, messageOf } from '../../core/errors.js'
import type { Arch } from '../../model/guest.js'
import type { UefiKind } from '../../qemu/firmware.js'
import { hostArch } from '../../sys/environment.js'
import { findProgram } from '../../sys/file.js'
import { findQemu } from '../facts.js'
import { findFirmware } from '../firmware.js'
import { bad, good, install, lacking, type Finding } from './finding.js'
import { requirementsFor, type Requirement } from './requirements.js'

const names: Readonly<Record<UefiKind, string>> = { uefi: 'uefi', secure: 'secure boot' }

/** UEFI with and without secure boot for guests of this machine's processor, and whatever else settings name. */
export async function checkFirmware(requirements: readonly Requirement[]): Promise<Finding[]> {
  const wanted = requirementsFor(requirements, 'firmware')
  const usual = (['uefi', 'secure'] as const).map((kind) => `${kind} ${hostArch()}`)
  return [...new Set([...usual, ...wanted.map(({ value }) => value)])].map((value) => {
    const [kind, arch] = value.split(' ') as [UefiKind, Arch]
    return judge({ kind, arch }, wanted.find((requirement) => requirement.value === value)?.by)
  })
}

function judge({ kind, arch }: { readonly kind: UefiKind; readonly arch: Arch }, by: string | undefined): Finding {
  const name = `${names[kind]}${arch === hostArch() ? '' : ` ${arch}`}`
  try {
    const { code } = findFirmware({ kind, arch, type: arch === 'x86_64' ? 'q35' : 'virt', program: findQemu(undefined, arch) })
    return good(name, code.path)
  } catch (error) {
    const hint = error instanceof Failure ? error.hints[0]?.replace(/^install (?:it|QEMU): /, '') : undefined
    return by === undefined ? lacking(name, messageOf(error), hint) : bad(name, `${messageOf(error)} (${by})`, hint)
  }
}

/** swtpm, which is the TPM of a guest. */
export async function checkTpm(requirements: readonly Requirement[]): Promise<Finding[]> {
  const program = findProgram('swtpm')
  if (program !== undefined) return [good('tpm', program)]
  const [requirement] = requirementsFor(requirements, 'tpm')
  if (requirement === undefined) return [lacking('tpm', 'swtpm is not installed; only tpm=yes needs it', install('swtpm'))]
  return [bad('tpm', `swtpm is not installed (${requirement.by})`, install('swtpm'))]
}
