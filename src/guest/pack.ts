// Files of the host as an archive for a guest.
import { readFileOf, walkTree, type Found, type Name } from '../sys/tree.js'
import { tarEnd, tarHeader, tarPadding, type TarEntry } from './tar.js'

/** A tree, and what it is called in the archive. */
export interface Source {
  readonly at: Name
  readonly name: Name
}

/** Whose the files are in the guest. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** How many bytes there are, as far as `enough`. */
export function sizeOf(sources: readonly Source[], enough: number): number {
  let bytes = 0
  for (const { at, name } of sources) {
    for (const { stats } of walkTree(at, name)) {
      // What else an entry costs.
      bytes += 512 + stats.size
      if (bytes >= enough) return bytes
    }
  }
  return bytes
}

/** The archive, a piece at a time. Devices, sockets and pipes are not in it: `onLeftOut` gets each. */
export function* pack(sources: readonly Source[], owner: Owner, onLeftOut: (name: Name) => void): Generator<Buffer> {
  for (const { at, name } of sources) {
    for (const found of walkTree(at, name)) {
      const entry = entryOf(found, owner)
      if (entry === undefined) onLeftOut(found.at)
      else if (entry.kind === 'file') yield* packFile(found, entry)
      else yield tarHeader(entry)
    }
  }
  yield tarEnd
}

/** A folder or a file that is nowhere but in the archive; to stand before `pack`. */
export function* packMade(
  { name, content }: { readonly name: Name; readonly content?: string | Buffer },
  owner: Owner,
): Generator<Buffer> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : (content ?? Buffer.alloc(0))
  const kind = content === undefined ? 'folder' : 'file'
  yield tarHeader({ name, kind, target: '', mode: 0o700, mtimeSeconds: 0, sizeBytes: bytes.length, ...owner })
  yield bytes
  yield tarPadding(bytes.length)
}

function* packFile(found: Found, entry: TarEntry): Generator<Buffer> {
  let size = 0
  yield* readFileOf(found, (sizeBytes) => {
    size = sizeBytes
    return tarHeader({ ...entry, sizeBytes })
  })
  yield tarPadding(size)
}

function entryOf({ name, stats, target }: Found, owner: Owner): TarEntry | undefined {
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'link' : undefined
  if (kind === undefined) return undefined
  const mtimeSeconds = Math.floor(stats.mtimeMs / 1000)
  return { name, kind, target, mode: stats.mode & 0o777, mtimeSeconds, sizeBytes: 0, ...owner }
}
