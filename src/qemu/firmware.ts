// QEMU's firmware descriptors: what a UEFI firmware on this machine is, where its files are and what a board needs for it.
// Every distribution's firmware packages bring them: https://www.qemu.org/docs/master/interop/firmware.html (docs/interop/firmware.json)
import type { Arch } from '../model/guest.js'
import type { FileImage } from '../model/drive.js'

/** UEFI, or UEFI that boots only what Microsoft, or somebody whom Microsoft trusts, has signed. */
export type UefiKind = 'uefi' | 'secure'

/** A firmware in two flash chips: its code, and what a guest's variables begin as. */
export interface FirmwareFiles {
  readonly code: FileImage
  readonly template: FileImage
  /** Whether only System Management Mode may write the variables. */
  readonly needsSmm: boolean
}

/** What a descriptor says, as far as it is used here. */
export interface Descriptor extends FirmwareFiles {
  readonly targets: readonly { readonly arch: string; readonly boards: readonly string[] }[]
  readonly features: ReadonlySet<string>
}

/** Reads the text of a descriptor. Undefined for what is damaged, or is not UEFI in a flash chip with variables of its own. */
export function parseDescriptor(text: string): Descriptor | undefined {
  const all = objectOf(parseJson(text))
  const mapping = objectOf(all['mapping'])
  const hasVariables = mapping['device'] === 'flash' && [undefined, 'split'].includes(mapping['mode'] as string | undefined)
  const [code, template] = [fileOf(mapping['executable']), fileOf(mapping['nvram-template'])]
  if (!textsOf(all['interface-types']).includes('uefi') || !hasVariables) return undefined
  if (code === undefined || template === undefined) return undefined
  const features = new Set(textsOf(all['features']))
  const targets = listOf(all['targets']).map((target) => {
    const { architecture, machines } = objectOf(target)
    return { arch: String(architecture), boards: textsOf(machines) }
  })
  return { code, template, needsSmm: features.has('requires-smm'), targets, features }
}

/** Whether a firmware is one of this kind for this machine type. */
export function isFirmwareFor(
  { targets, features }: Pick<Descriptor, 'targets' | 'features'>,
  { kind, arch, type }: { readonly kind: UefiKind; readonly arch: Arch; readonly type: string },
): boolean {
  const isKind =
    kind === 'secure'
      ? features.has('secure-boot') && features.has('enrolled-keys')
      : !features.has('enrolled-keys') && !features.has('requires-smm')
  const [name = ''] = type.split(',')
  const board = versioned[name] ?? name
  return isKind && targets.some((target) => target.arch === arch && target.boards.some((glob) => fits(glob, board)))
}

/** What a machine type without a version stands for. */
const versioned: Readonly<Record<string, string>> = { q35: 'pc-q35-', pc: 'pc-i440fx-', virt: 'virt-' }

/** Descriptors know one star, at the end: `pc-q35-*`. */
function fits(glob: string, board: string): boolean {
  return glob.endsWith('*') ? board.startsWith(glob.slice(0, -1)) : board === glob || board === versioned[glob]
}

function fileOf(value: unknown): FileImage | undefined {
  const { filename, format } = objectOf(value)
  if (typeof filename !== 'string' || !filename.startsWith('/')) return undefined
  return format === 'raw' || format === 'qcow2' ? { kind: 'file', path: filename, format } : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function textsOf(value: unknown): string[] {
  return listOf(value).filter((item) => typeof item === 'string')
}
