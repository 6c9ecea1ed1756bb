// What of a VM goes to another system, and what that has no word for. Pure, as all of this folder is: a machine becomes a text.
import { quoteWords } from '../../core/words.js'
import { jsonName } from '../../model/blocknode.js'
import type { Machine, Words } from '../../model/machine.js'

/** A VM as it would be started now, without what only nbsvm has a use for. */
export interface Subject {
  /** With every file by its own path. */
  readonly machine: Machine
  /** `nbsvm web` */
  readonly call: string
  /** What the guest sees of each drive, in bytes, by the drive's number. */
  readonly sizes: ReadonlyMap<number, number>
  /** Whether there are variables of its UEFI to bring: they are made at its first start. */
  readonly hasVariables: boolean
  readonly isRunning: boolean
  /** Of this nbsvm. */
  readonly version: string
}

/** What the other system reads, and what it was not told. */
export interface Exported {
  readonly text: string
  /** Also in the text, as comments. */
  readonly notes: readonly string[]
}

/** A file that goes along, under a name of ours that needs no quotes anywhere. */
export interface Brought {
  readonly file: string
  /** Makes it out of what is here. */
  readonly make: (target: string) => string
}

/** The files of a machine, by what they are. */
export interface Files {
  readonly drives: readonly (Brought & { readonly number: number })[]
  readonly discs: readonly Brought[]
  readonly seed?: Brought
  readonly variables?: Brought
}

/** What has to be brought: each drive as one file without layers, read the way that QEMU would read it. */
export function filesOf({ machine, hasVariables }: Subject): Files {
  const { id, drives, discs, seed, firmware } = machine
  return {
    drives: ('words' in drives ? [] : drives).map(({ name, number, image }) => ({
      number,
      file: `${name}.qcow2`,
      make: (to) => quoteWords(['qemu-img', 'convert', '-p', '-O', 'qcow2', jsonName(image), to]),
    })),
    discs: discs.map(({ path }, index) => ({ file: `nbsvm-${id}-cd${index}.iso`, make: copying(path) })),
    ...(seed?.kind === 'disk' ? { seed: { file: `nbsvm-${id}-seed.img`, make: copying(seed.path) } } : {}),
    ...(firmware !== undefined && hasVariables
      ? {
          variables: {
            file: `nbsvm-${id}-vars.raw`,
            make: (to) => quoteWords(['qemu-img', 'convert', '-O', 'raw', jsonName(firmware.variables), to]),
          },
        }
      : {}),
  }
}

function copying(from: string): Brought['make'] {
  return (to) => quoteWords(['cp', from, to])
}

/** The lines that bring them all to a folder. */
export function bringing({ drives, discs, seed, variables }: Files, folder: string): string[] {
  const all = [...drives, ...(seed === undefined ? [] : [seed]), ...(variables === undefined ? [] : [variables]), ...discs]
  return all.map(({ file, make }) => make(`${folder}${file}`))
}

/** What each text begins with, as a comment: whose it is, how far it was tried, how to bring the drives, what is not as here. */
export function heading(
  { machine, call, isRunning, version }: Subject,
  { what, tried, bring, next, notes }: Readonly<Record<'what' | 'tried', string> & Record<'bring' | 'next' | 'notes', Words>>,
): string[] {
  const off = isRunning ? `It runs now; ${call} shutdown before its drives are copied` : 'Its drives are copied while it is off'
  return [
    `${machine.id}, ${what}; written by nbsvm ${version}`,
    tried,
    '',
    `${off}. Leave it off afterwards:`,
    "two guests with one address and one identity are in each other's way.",
    ...(bring.length === 0 ? [] : ['', 'What it stands on, from here to there:', ...bring.map((line) => `  ${line}`)]),
    '',
    ...next,
    '',
    'Not as here:',
    ...notes.map((note) => `  ${note}`),
  ]
}

/** What none of the systems is told. */
export function leftOut({ machine, call, hasVariables }: Subject): string[] {
  const { args, drives, nics, display, usb, seed, firmware, tpm, accelerator } = machine
  return [
    ...ofQemu('args', args),
    ...ofQemu('drives', 'words' in drives ? drives.words : undefined),
    ...ofQemu('network', 'words' in nics ? nics.words : undefined),
    ...ofQemu('display', display),
    ...ofQemu('usb', usb),
    ...(seed?.kind === 'ignition' ? ['what Ignition is told at the first boot: boot it here once before'] : []),
    ...(seed?.kind === 'disk' ? ['its seed holds the secret half of its host key: keep the file to yourself'] : []),
    ...(firmware !== undefined && !hasVariables
      ? ['it has no UEFI variables yet, so it begins with those of the other system']
      : []),
    ...(tpm ? ['what its TPM holds stays here: disks that are sealed by it need their recovery key there'] : []),
    ...(accelerator === 'tcg' ? [`it runs by TCG here, slowly; for a machine with KVM: ${call} accel=kvm export ...`] : []),
    'its devices come to other slots: a guest that names its network cards by them gives them other names',
  ]
}

function ofQemu(name: string, given: Words | undefined): string[] {
  return given === undefined || given.length === 0 ? [] : [`${name}: these options are QEMU's own: ${quoteWords(given)}`]
}

/** A name that DNS takes as one part of a name: letters, digits and dashes within. */
export function dnsLabel(text: string): string {
  const most = 50
  return trimmed(trimmed(text.replaceAll(/[^A-Za-z0-9]+/g, '-')).slice(0, most))
}

function trimmed(label: string): string {
  return label.replaceAll(/^-+|-+$/g, '')
}
