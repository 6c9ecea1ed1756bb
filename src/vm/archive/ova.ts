// A VM from an OVA: an archive of tar with a description and disks, as VMware, VirtualBox and others write it. Somebody hostile may have.
import { Failure } from '../../core/errors.js'
import { quote } from '../../core/quote.js'
import { formatSize } from '../../core/size.js'
import type { SettingTexts } from '../../config/fold.js'
import { readTarExtra, readTarHeader, type TarEntry } from '../../guest/tar.js'
import type { OnProgress, Store } from '../../store/store.js'
import { copyPart } from '../../sys/blocks.js'
import { freeBytes, readHead, remove, stat } from '../../sys/file.js'
import { newHash, type HashName } from '../../sys/hash.js'
import type { Vm } from '../record/vm.js'
import { freshRecord } from './believed.js'
import { copyInto, foreignSource, type Given } from './disk.js'
import type { Imported } from './importfile.js'
import { makeNew, noteOwnFile, requireFree, type Importing } from './makenew.js'
import { readOvf, type Ovf, type OvfDisk } from './ovf.js'

interface Part {
  readonly name: string
  readonly at: number
  readonly sizeBytes: number
}

const blockBytes = 512
const mostParts = 1000
const mostText = 1024 ** 2
const mostExtra = 64 * 1024

/** Makes it. */
export async function importOva(
  asked: Vm,
  { file, called }: Given,
  importing: Importing & { readonly onProgress?: OnProgress | undefined },
): Promise<Imported> {
  const { note } = importing
  requireFree(asked)
  const parts = partsOf(file)
  const description = parts.find(({ name }) => name.toLowerCase().endsWith('.ovf'))
  if (description === undefined)
    throw new Failure(`${called} is neither what export wrote nor an OVA: it has no description (.ovf)`)
  const digests = digestsOf(file, parts)
  const text = textOf(file, description)
  requireDigest(description.name, digests, (name) => hashOf(name, Buffer.from(text, 'utf8')))
  const ovf = readOvf(text)
  // Before anything is made.
  for (const disk of ovf.disks) partOf(parts, disk)
  noteOwnFile(asked, note)
  if (ovf.leftOut.length > 0) note?.(`not taken over: ${ovf.leftOut.join('; ')}`)
  const fill = async (vm: Vm, store: Store): Promise<void> => {
    for (const disk of ovf.disks) {
      const part = partOf(parts, disk)
      if (part !== undefined) await copyDisk(vm, store, { file, part, digests }, importing)
      else if (disk.capacityBytes !== undefined) await store.create(vm.id, disk.capacityBytes)
    }
  }
  const added = await makeNew(
    asked,
    { from: called, record: freshRecord(asked), settings: settingsOf(ovf), drives: [], fill },
    importing,
  )
  return { id: asked.id, added }
}

/** What is in it. Throws a Failure for names that lead anywhere, and for what is no file. */
function partsOf(file: string): readonly Part[] {
  const size = stat(file)?.size ?? 0
  const parts: Part[] = []
  let about: Partial<TarEntry> = {}
  for (let at = 0; at + blockBytes <= size;) {
    const block = readHead(file, blockBytes, at) ?? Buffer.alloc(0)
    if (block.every((byte) => byte === 0)) return parts
    const { type, entry: found } = readTarHeader(block)
    const begin = at + blockBytes
    if ('xgLK'.includes(type)) {
      if (found.sizeBytes > mostExtra) throw new Failure('a header of it is too long')
      Object.assign(about, readTarExtra(type, readHead(file, found.sizeBytes, begin) ?? Buffer.alloc(0)))
      at = begin + Math.ceil(found.sizeBytes / blockBytes) * blockBytes
      continue
    }
    const { name, kind, sizeBytes } = { ...found, ...about }
    about = {}
    if (kind !== 'file') throw new Failure(`it has ${quote(name)}, which is no file: a link, or a folder`)
    if (name.includes('/') || name === '' || name.startsWith('.'))
      throw new Failure(`it has a file that is called ${quote(name)}`)
    if (parts.some((part) => part.name === name)) throw new Failure(`it has ${quote(name)} twice`)
    if (begin + sizeBytes > size)
      throw new Failure(`it is cut off: ${quote(name)} has ${sizeBytes} bytes, and not all of them are there`)
    if (parts.push({ name, at: begin, sizeBytes }) > mostParts) throw new Failure('it has too many files')
    at = begin + Math.ceil(sizeBytes / blockBytes) * blockBytes
  }
  return parts
}

function textOf(file: string, { name, at, sizeBytes }: Part): string {
  if (sizeBytes > mostText) throw new Failure(`${quote(name)} is too long: ${formatSize(sizeBytes)}`)
  return (readHead(file, sizeBytes, at) ?? Buffer.alloc(0)).toString('utf8')
}

interface Digest {
  readonly algorithm: HashName
  readonly hex: string
}

type Digests = ReadonlyMap<string, Digest>

/** What the file `.mf` says of the others: `SHA256(disk.vmdk)= 0123...`. Empty where there is none. */
function digestsOf(file: string, parts: readonly Part[]): Digests {
  const part = parts.find(({ name }) => name.toLowerCase().endsWith('.mf'))
  const lines =
    part === undefined
      ? []
      : textOf(file, part)
          .split(/\r?\n/)
          .filter((line) => line.trim() !== '')
  return new Map(
    lines.map((line): [string, Digest] => {
      const { algorithm, name, hex } =
        /^(?<algorithm>SHA(?:1|256|512)) ?\((?<name>[^)]+)\) ?= ?(?<hex>[0-9a-f]+)\s*$/i.exec(line)?.groups ?? {}
      if (algorithm === undefined || name === undefined || hex === undefined)
        throw new Failure(`its list of digests has a line that is none: ${quote(line)}`)
      return [name, { algorithm: algorithm.toLowerCase() as HashName, hex: hex.toLowerCase() }]
    }),
  )
}

function hashOf(algorithm: HashName, bytes: Buffer): string {
  const hash = newHash(algorithm)
  hash.update(bytes)
  return hash.hex()
}

function requireDigest(name: string, digests: Digests, hexOf: (algorithm: HashName) => string): void {
  const said = digests.get(name)
  if (said === undefined || hexOf(said.algorithm) === said.hex) return
  throw new Failure(`${quote(name)} is not what was written: its digest is another`, { code: 'ARCHIVE_DAMAGED' })
}

function partOf(parts: readonly Part[], { file, capacityBytes }: OvfDisk): Part | undefined {
  if (file === undefined && capacityBytes !== undefined) return undefined
  const found = parts.find(({ name }) => name === file)
  if (found === undefined) throw new Failure(`its description names a disk that is not in it: ${quote(file ?? '')}`)
  return found
}

interface Disk {
  readonly file: string
  readonly part: Part
  readonly digests: Digests
}

/** Takes one disk out, into the VM's own folder, and makes a drive of it. */
async function copyDisk(
  vm: Vm,
  store: Store,
  { file, part, digests }: Disk,
  importing: Importing & { readonly onProgress?: OnProgress | undefined },
): Promise<void> {
  const { name, at, sizeBytes } = part
  const { folder } = vm.drawer
  const free = freeBytes(folder)
  if (sizeBytes > free)
    throw new Failure(`${quote(name)} takes ${formatSize(sizeBytes)}, and ${formatSize(free)} are free`, { code: 'NO_SPACE' })
  const copy = `${folder}/disk-from-ova`
  remove(copy)
  try {
    const hash = newHash(digests.get(name)?.algorithm ?? 'sha256')
    await copyPart(file, copy, { at, sizeBytes, signal: importing.signal, onPiece: (piece) => hash.update(piece) })
    const hex = hash.hex()
    requireDigest(name, digests, () => hex)
    await copyInto(vm, store, await foreignSource(copy, name, importing), importing)
  } finally {
    remove(copy)
  }
}

function settingsOf({ cpus, memBytes, firmware, driveInterface, nic }: Ovf): SettingTexts {
  const megabytes = Math.floor((memBytes ?? 0) / 1024 ** 2)
  return {
    ...(megabytes >= 16 && Number.isSafeInteger(megabytes) ? { mem: `${megabytes}M` } : {}),
    ...(cpus === undefined || cpus > 4096 ? {} : { smp: String(cpus) }),
    ...(firmware === 'uefi' ? { firmware } : {}),
    ...(driveInterface === undefined ? {} : { drive_if: driveInterface }),
    ...(nic === undefined ? { network: 'none' } : { net_if: nic }),
  }
}
