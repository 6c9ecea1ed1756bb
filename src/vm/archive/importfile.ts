// A VM from an archive, read in one pass. Whoever wrote it may be hostile: nothing of it counts before its digests were seen to be right.
import path from 'node:path'
import { asObject } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import type { Frame } from '../move/wire.js'
import { pieceBytes } from '../move/wire.js'
import { takeDrives } from '../move/drivedata.js'
import { untilAborted } from '../move/receive.js'
import { variablesFile } from '../record/choice.js'
import { recordFolder } from '../record/record.js'
import type { Vm } from '../record/vm.js'
import type { OnProgress } from '../../store/store.js'
import { fileBytes } from '../../sys/blocks.js'
import { makePrivateFolder, readHead, remove, rename, syncFile, writeBytes, writeWhole } from '../../sys/file.js'
import { runOrFail, tied } from '../../sys/process.js'
import { believedRecord, believedSettings } from './believed.js'
import { broken, digestsName, manifestName, mostFileBytes, mostManifestBytes, variablesMembers } from './form.js'
import { makeNew, noteOwnFile, requireFree, type Importing } from './makenew.js'
import { readManifest, type ArchivedDrive, type Manifest } from './manifest.js'
import { ArchiveReader } from './reader.js'
import type { Extent } from '../move/image.js'
import { bytesIn, readMap } from './sparse.js'
import { isPacked, unpacked } from './zstd.js'

export interface ImportingArchive extends Importing {
  readonly input: AsyncIterable<Buffer> | { readonly file: string }
  /** For messages: a file, or stdin. */
  readonly from: string
  /** It is the very VM that was exported, and no copy of it. */
  readonly isSame: boolean
  readonly onProgress?: OnProgress | undefined
}

export interface Imported {
  readonly id: string
  /** What was added to its settings file. */
  readonly added: readonly string[]
}

/** Makes the VM. Where that fails, or this process is killed, nothing of it stays. */
export async function importArchive(asked: Vm, importing: ImportingArchive): Promise<Imported> {
  requireFree(asked)
  const pieces = (await opened(importing))[Symbol.asyncIterator]()
  try {
    return await importFrom(asked, importing, new ArchiveReader({ [Symbol.asyncIterator]: () => pieces }))
  } finally {
    // What unpacks it ends where nobody wants more.
    await pieces.return?.()
  }
}

async function importFrom(asked: Vm, importing: ImportingArchive, reader: ArchiveReader): Promise<Imported> {
  const { note, isSame, from, signal } = importing
  const digests = new Map<string, string>()
  const manifest = await readFirst(reader, digests)
  const { settings, leftOut } = believedSettings(manifest.settings, isSame)
  const record = believedRecord(asked, manifest, isSame)
  noteOwnFile(asked, note)
  if (leftOut.length > 0) note?.(`settings that are left out, as they come from elsewhere: ${leftOut.join('; ')}`)
  const { drives } = manifest
  const added = await makeNew(
    asked,
    {
      from,
      record,
      settings,
      drives: drives.map(({ number, virtualBytes, dataBytes }) => ({ number, virtualBytes, allocatedBytes: dataBytes })),
      fill: async (vm, _, made) => {
        await takeFiles(vm, manifest, { reader, digests, importing })
        const frames = new DriveFrames(drives, { reader, digests, importing })
        await takeDrives(made, frames, { folder: vm.drawer.folder, signal })
        await requireDigests(reader, digests)
      },
    },
    importing,
  )
  return { id: asked.id, added }
}

/** What is in the stream, unpacked. */
async function opened({ input, signal }: ImportingArchive): Promise<AsyncIterable<Buffer>> {
  if ('file' in input && isPacked(readHead(input.file, 4) ?? Buffer.alloc(0))) return unpacked(input, signal)
  const pieces = untilAborted('file' in input ? fileBytes(input.file) : input, signal)
  const first: Buffer[] = []
  let bytes = 0
  while (bytes < 4) {
    const { done, value } = await pieces.next()
    if (done === true) break
    first.push(value)
    bytes += value.length
  }
  const head = Buffer.concat(first)
  if (head.length === 0) throw broken('nothing came')
  async function* all(): AsyncGenerator<Buffer> {
    yield head
    yield* pieces
  }
  return isPacked(head) ? unpacked(all(), signal) : all()
}

async function readFirst(reader: ArchiveReader, digests: Map<string, string>): Promise<Manifest> {
  const first = await reader.next()
  if (first?.name !== manifestName || first.realBytes !== undefined)
    throw broken('it does not begin with a manifest', 'write one: nbsvm foo export FILE')
  if (first.sizeBytes > mostManifestBytes) throw broken('its manifest is too long')
  const text = (await reader.take(first.sizeBytes)).toString('utf8')
  digests.set(manifestName, reader.digest())
  return readManifest(text)
}

interface Reading {
  readonly reader: ArchiveReader
  readonly digests: Map<string, string>
  readonly importing: ImportingArchive
}

/** What stands beside its record: keys and its TPM's state belong to the very same VM, the variables of its UEFI to what is on its drives. */
async function takeFiles(vm: Vm, { files }: Manifest, { reader, digests, importing }: Reading): Promise<void> {
  const { isSame, note } = importing
  const folder = recordFolder(vm.place, vm.id)
  for (const expected of files) {
    const member = await reader.next()
    if (member?.name !== expected || member.realBytes !== undefined) throw broken(`${expected} is missing`)
    if (member.sizeBytes > mostFileBytes) throw broken(`${expected} is too long`)
    const bytes = await reader.take(member.sizeBytes)
    digests.set(expected, reader.digest())
    const kind = (['uefi', 'secure'] as const).find((one) => variablesMembers[one] === expected)
    if (kind !== undefined) await makeVariablesOf(variablesFile(vm, kind), bytes)
    else if (isSame) {
      const file = path.join(folder, expected)
      makePrivateFolder(path.dirname(file))
      writeWhole(file, bytes)
    }
  }
  if (!isSame && files.some((name) => name.startsWith('tpm/')))
    note?.('what its TPM held is left out, as it becomes another VM: --same keeps it')
}

/** As QEMU has them here: a qcow2 file of our own making. */
async function makeVariablesOf(file: string, bytes: Buffer): Promise<void> {
  if (bytes.length === 0 || bytes.length % 512 !== 0) throw broken('the variables of its UEFI are none')
  const [raw, temporary] = [`${file}.raw.tmp`, `${file}.tmp`]
  try {
    writeBytes(raw, bytes)
    await runOrFail('keep the UEFI variables', tied(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, temporary]), {
      isPrivate: true,
    })
    syncFile(temporary)
    rename(temporary, file)
  } finally {
    remove(raw)
    remove(temporary)
  }
}

/** The drives of an archive, as a move takes them. */
class DriveFrames {
  readonly #drives: readonly ArchivedDrive[]
  readonly #reading: Reading
  readonly #totalBytes: number
  #at = -1
  #extents: readonly Extent[] = []
  #part = 0
  /** Of that part. */
  #partBytes = 0
  #doneBytes = 0

  constructor(drives: readonly ArchivedDrive[], reading: Reading) {
    this.#drives = drives
    this.#reading = reading
    this.#totalBytes = drives.reduce((sum, { dataBytes }) => sum + dataBytes, 0)
  }

  /** The next piece of a drive, or that these were all. */
  async frame(): Promise<Frame> {
    const { reader, importing } = this.#reading
    while (this.#part === this.#extents.length) {
      this.#endDrive()
      const next = this.#drives[++this.#at]
      if (next === undefined) return { kind: 'end', bytes: this.#doneBytes }
      await this.#begin(next)
    }
    const { start, length } = this.#extents[this.#part] ?? { start: 0, length: 0 }
    const offset = start + this.#partBytes
    const bytes = await reader.some(Math.min(length - this.#partBytes, pieceBytes))
    this.#partBytes += bytes.length
    if (this.#partBytes === length) {
      this.#part++
      this.#partBytes = 0
    }
    this.#doneBytes += bytes.length
    importing.onProgress?.(this.#doneBytes, this.#totalBytes)
    return { kind: 'data', drive: this.#drives[this.#at]?.number ?? -1, offset, bytes }
  }

  async #begin({ member: name, virtualBytes, dataBytes }: ArchivedDrive): Promise<void> {
    const { reader } = this.#reading
    const member = await reader.next()
    if (member?.name !== name) throw broken(`${name} is missing`)
    if (member.realBytes !== virtualBytes) throw broken(`${name} is not as large as its manifest says`)
    const { extents, mapBytes } = await readMap((length) => reader.take(length), virtualBytes)
    if (bytesIn(extents) !== dataBytes || member.sizeBytes !== mapBytes + dataBytes)
      throw broken(`${name} does not hold what its manifest says`)
    this.#extents = extents
    this.#part = 0
  }

  #endDrive(): void {
    const drive = this.#drives[this.#at]
    if (drive !== undefined) this.#reading.digests.set(drive.member, this.#reading.reader.digest())
  }
}

/** The last member says what all others were. Throws a Failure where one was not, or something is missing or follows. */
async function requireDigests(reader: ArchiveReader, seen: ReadonlyMap<string, string>): Promise<void> {
  const last = await reader.next()
  if (last?.name !== digestsName || last.realBytes !== undefined || last.sizeBytes > mostManifestBytes)
    throw broken('its digests are missing')
  const said = asObject(asObject(parsed((await reader.take(last.sizeBytes)).toString('utf8')))?.['sha256']) ?? {}
  for (const [name, digest] of seen) {
    if (said[name] !== digest) throw broken(`${name} is not what was written: its digest is another`, 'copy or fetch it again')
  }
  if (Object.keys(said).length !== seen.size) throw broken('it has digests of what is not there')
  if ((await reader.next()) !== undefined) throw broken('something follows its digests')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Failure('its digests are none', { code: 'ARCHIVE_DAMAGED' })
  }
}
