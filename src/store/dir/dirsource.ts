// What `snapshot` and `clone` copy: a drive by the name of its VM, an image of the store, or a file from anywhere.
import path from 'node:path'
import { Failure, UsageError } from '../../core/errors.js'
import { checkName, drivePrefix, parseDriveName, vmId } from '../../core/name.js'
import { nearest } from '../../core/nearest.js'
import { list, realPath } from '../../sys/file.js'
import type { Source, SourceWanted } from '../store.js'
import { readDrive } from './freeze.js'
import { findEntry, readChain } from './layer.js'
import { parseEntry } from './entry.js'
import { probe } from '../common/probe.js'

export async function findSource(folder: string, wanted: SourceWanted): Promise<Source> {
  if (wanted.source !== undefined) return fromPath(folder, wanted.source, wanted)
  const name = wanted.snapshotLv ?? drivePrefix + vmId(checkName('VM', wanted.gold), wanted.vmClass)
  return fromStore(folder, name, wanted)
}

/** An image by its name, else drive 0 of the VM of that name. */
function fromStore(folder: string, wantedName: string, wanted: SourceWanted): Source {
  const plain = wantedName.replace(/\.(qcow2|raw)$/, '')
  if (parseEntry(`${plain}.raw`) === undefined) {
    throw new UsageError(`${JSON.stringify(wantedName)} is not a name in the store`, {
      hints: ['snapshot_lv=NAME takes the bare name of a drive, like nbsvm-foo-0; for a file elsewhere: source=/PATH'],
    })
  }
  const name = [plain, `${plain}-0`].find((each) => findEntry(folder, each) !== undefined)
  if (name === undefined) throw notFound(folder, plain, wanted)
  const others = siblings(folder, plain).length - 1
  if (name !== plain && others > 0) {
    wanted.onNote?.(`${plain} has ${others + 1} drives; the first, ${name}, is copied (gold=VM-N chooses another)`)
  }
  return ownSource(folder, name)
}

function ownSource(folder: string, name: string): Source {
  const drive = readDrive(folder, name)
  if (drive !== undefined) return { name, image: drive.image, drive }
  return { name, image: readChain(folder, findEntry(folder, name)?.file ?? name) }
}

/** Names of the drives of the VM `nbsvm-ID`. */
function siblings(folder: string, vmName: string): string[] {
  const names = new Set(list(folder).map((file) => parseEntry(file)?.name ?? ''))
  return [...names].filter((name) => parseDriveName(name)?.id === vmName.slice(drivePrefix.length))
}

function notFound(folder: string, name: string, { snapshotLv, gold }: SourceWanted): Failure {
  const files = list(folder).map(parseEntry)
  const names = files.flatMap((found) => (found === undefined ? [] : [found.name]))
  const near = nearest(name, names) ?? nearest(`${name}-0`, names)
  const own = siblings(folder, name)
  const hints = [
    ...(own.length > 0 ? [`there is ${own.join(', ')}: say which, with gold=VM-N`] : []),
    ...(near === undefined || own.length > 0 ? [] : [`did you mean ${near}?`]),
    ...(snapshotLv === undefined ? [`make it: nbsvm ${gold} newimg`] : []),
    'or copy an image file or block device: source=/PATH',
  ]
  return new Failure(`there is no source: neither ${name} nor ${name}-0 is in ${folder}`, { code: 'SOURCE_MISSING', hints })
}

/** An image file or block device by its absolute path. One of the store's own is taken as what it is there. */
async function fromPath(folder: string, source: string, { trust, onNote }: SourceWanted): Promise<Source> {
  if (!path.isAbsolute(source)) throw new UsageError(`source: ${JSON.stringify(source)} is not an absolute path`)
  const real = realPath(source)
  if (real !== undefined && path.dirname(real) === realPath(folder)) return fromOwnPath(folder, real)
  const { image, refersTo } = await probe(source, trust, onNote)
  return { name: source, image, ...(refersTo.length === 0 ? {} : { refersTo }) }
}

function fromOwnPath(folder: string, real: string): Source {
  const found = parseEntry(path.basename(real))
  if (found !== undefined) return ownSource(folder, found.name)
  throw new Failure(`${real} belongs to the drives that stand on it`, {
    code: 'DRIVE_IN_USE',
    hints: ['copy one of those: gold=VM-N'],
  })
}
