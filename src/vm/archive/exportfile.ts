// A VM as one archive, written in one pass.
import { Failure } from '../../core/errors.js'
import type { Caller } from '../../core/caller.js'
import { formatSize } from '../../core/size.js'
import { version } from '../../core/version.js'
import { isZero } from '../../core/zeros.js'
import type { Drive } from '../../model/drive.js'
import type { OnProgress, Store } from '../../store/store.js'
import { hostName } from '../../sys/environment.js'
import { exists } from '../list/exists.js'
import { ownSettings } from '../life/movable.js'
import { extentsOf, withImage, type Extent, type Part } from '../move/image.js'
import { readAhead, withParts } from '../move/parts.js'
import { checkpointNames } from '../record/frozen.js'
import { ensureRecord } from '../record/record.js'
import type { Vm } from '../record/vm.js'
import { withContent, type Content } from './content.js'
import { archiveFormat, driveMember, manifestName, mostDriveBytes, mostDrives, mostFileBytes, variablesMember } from './form.js'
import { manifestText } from './manifest.js'
import { bytesIn, coarsen } from './sparse.js'
import { ArchiveWriter, type Write } from './writer.js'

export interface Archiving extends Caller {
  readonly write: Write
  readonly onProgress?: OnProgress | undefined
}

export interface Archived {
  /** How long its guest stood still; null where it did not. */
  readonly stoodStillMs: number | null
  readonly ran: boolean
  /** What of it is in the archive, of all that its drives are. */
  readonly dataBytes: number
}

/** Writes it. A VM that runs goes on; what is written is what it was at one moment. Nothing is changed. */
export async function archiveVm(vm: Vm, archiving: Archiving): Promise<Archived> {
  if (!(await exists(vm))) throw new Failure(`there is no VM ${vm.id}`, { code: 'VM_MISSING' })
  const record = await ensureRecord(vm)
  const settings = ownSettings(vm)
  return withContent(vm, archiving, async (content, store) => {
    noteLeftOut(vm, content, archiving)
    const drives = await Promise.all(content.drives.map((drive) => measure(vm, store, drive, archiving)))
    const files = [...content.files, ...(await readVariables(vm, content, archiving))]
    const large = files.find(({ bytes }) => bytes.length > mostFileBytes)
    if (large !== undefined) throw new Failure(`cannot export ${vm.id}: ${large.name} has ${formatSize(large.bytes.length)}`)
    const writer = new ArchiveWriter(archiving.write, content.atMs)
    const manifest = manifestText({
      format: archiveFormat,
      version,
      atMs: content.atMs,
      from: hostName(),
      ran: content.ran,
      record,
      settings: settings,
      files: files.map(({ name }) => name),
      drives: drives.map(({ drive: { number }, virtualBytes, extents }) => ({
        number,
        member: driveMember(number),
        virtualBytes,
        dataBytes: bytesIn(extents),
      })),
    })
    await writer.file(manifestName, Buffer.from(manifest))
    for (const { name, bytes } of files) await writer.file(name, bytes)
    const dataBytes = drives.reduce((sum, { extents }) => sum + bytesIn(extents), 0)
    const far = farAcross(dataBytes, archiving.onProgress)
    for (const measured of drives) await writeDrive(vm, measured, writer, far, archiving.signal)
    await writer.end()
    return { stoodStillMs: content.stoodStillMs, ran: content.ran, dataBytes }
  })
}

/** What stays here. */
function noteLeftOut(vm: Vm, { ran }: Content, { note }: Caller): void {
  const names = checkpointNames(vm.place, vm.id)
  if (names.length > 0) note?.(`its checkpoints stay here: ${names.join(', ')}`)
  if (ran && vm.settings.tpm === 'yes')
    note?.('what its TPM holds is left out, as it runs: export it while it is off to have that too')
  if (vm.settings.drives !== undefined) note?.("what its setting drives names does not go along: that is QEMU's own")
}

interface Measured {
  readonly drive: Drive
  readonly virtualBytes: number
  /** Where what is read from. */
  readonly parts: readonly Part[]
  readonly extents: readonly Extent[]
}

/** What of a drive holds something. */
async function measure(vm: Vm, store: Store, drive: Drive, { signal }: Caller): Promise<Measured> {
  const { number } = drive
  if (number >= mostDrives) throw new Failure(`cannot export ${vm.id}: ${drive.name} has a number from ${mostDrives} up`)
  const { virtualBytes } = await store.size(drive)
  if (virtualBytes > mostDriveBytes)
    throw new Failure(`cannot export ${vm.id}: ${drive.name} has more than ${formatSize(mostDriveBytes)}`)
  const parts = await extentsOf(drive, signal)
  // Of a volume nobody knows what was never written: it is read twice.
  const found = drive.image.kind === 'block' ? await scan(vm, drive, parts, signal) : parts
  return { drive, virtualBytes, parts, extents: coarsen(found) }
}

async function scan({ drawer }: Vm, drive: Drive, parts: readonly Part[], signal?: AbortSignal): Promise<Extent[]> {
  const found: Extent[] = []
  await withParts(drive, parts, { folder: drawer.folder, signal }, async (read) => {
    for await (const { offset, bytes } of readAhead(read, parts, { reused: true })) {
      signal?.throwIfAborted()
      if (!isZero(bytes)) found.push({ start: offset, length: bytes.length })
    }
  })
  return coarsen(found)
}

/** Tells how far all of it is. */
function farAcross(totalBytes: number, onProgress: OnProgress | undefined): (bytes: number) => void {
  let done = 0
  return (bytes) => onProgress?.((done += bytes), totalBytes)
}

async function writeDrive(
  { drawer }: Vm,
  { drive, virtualBytes, parts, extents }: Measured,
  writer: ArchiveWriter,
  far: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const name = driveMember(drive.number)
  if (extents.length === 0) return writer.sparse(name, virtualBytes, extents, nothing())
  await withParts(drive, parts, { folder: drawer.folder, signal }, async (read) => {
    async function* pieces(): AsyncGenerator<Buffer> {
      for await (const { bytes } of readAhead(read, extents, { reused: true })) {
        signal?.throwIfAborted()
        yield bytes
        far(bytes.length)
      }
    }
    await writer.sparse(name, virtualBytes, extents, pieces())
  })
}

async function* nothing(): AsyncGenerator<Buffer> {}

/** Numbers of no drive. */
const besideDrives = 1000

/** The variables of its UEFI as they are in flash memory. */
async function readVariables({ drawer }: Vm, { variables }: Content, { signal }: Caller) {
  const read: { readonly name: string; readonly bytes: Buffer }[] = []
  for (const [at, { kind, path }] of variables.entries()) {
    const image = { kind: 'file', format: 'qcow2', path } as const
    const drive = { name: `the UEFI variables (${kind})`, number: besideDrives + at, image }
    const bytes = await withImage(drive, { folder: drawer.folder, isReadOnly: true, signal }, async (served) => {
      if (served.sizeBytes > mostFileBytes) throw new Failure(`${path} is larger than any variables of a UEFI`)
      const parts: Buffer[] = []
      const read = (offset: number, length: number): Promise<Buffer> => served.read(offset, length)
      for await (const piece of readAhead(read, [{ start: 0, length: served.sizeBytes }])) parts.push(piece.bytes)
      return Buffer.concat(parts)
    })
    read.push({ name: variablesMember(kind), bytes })
  }
  return read
}
