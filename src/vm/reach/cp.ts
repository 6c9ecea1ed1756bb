// Files and folders between the host and a VM's guest, as archives of tar(1), by whichever way leads there.
import path from 'node:path'
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { pack, sizeOf } from '../../guest/pack.js'
import { intoScript, ontoScript, packScript, placeScript } from '../../guest/script.js'
import type { GuestShell } from '../../guest/shell.js'
import { parseCopying, type Copying } from '../../guest/sides.js'
import { unpacker } from '../../guest/unpack.js'
import { lstat, stat } from '../../sys/file.js'
import { nameOf, textOf, type Name } from '../../sys/tree.js'
import { moveInto, TreeWriter } from '../../sys/treewriter.js'
import type { Vm } from '../record/vm.js'
import { guestShell, soonBytes } from './shells.js'

export interface CopyCaller extends Caller {
  /** Called with the bytes that went through so far. */
  readonly onBytes?: (doneBytes: number) => void
}

/**
 * Copies files and folders to a VM's guest, or from it: the guest's paths begin with a colon. Modes are kept; in the guest the files
 * belong to who owns the folder that they come into. Notes tell what was left out. Rejects with a Failure where anything fails;
 * what was there before on the host is then unchanged.
 */
export async function copyFiles(vm: Vm, words: readonly string[], caller: CopyCaller = {}): Promise<void> {
  const copying = parseCopying(words)
  if (copying.from === 'host') await copyIn(vm, copying, caller)
  else await copyOut(vm, copying, caller)
}

const doing = 'copy files'

async function copyIn(vm: Vm, { sources, destination }: Copying, caller: CopyCaller): Promise<void> {
  const found = sources.map((source) => {
    const at = path.resolve(source)
    if (stat(at) === undefined) throw new Failure(`there is no file or folder ${source}`, { code: 'FILE_MISSING' })
    if (at === '/') throw new Failure('/ as a whole cannot be copied')
    return { at: nameOf(at), name: nameOf(path.basename(at)) }
  })
  const shell = await guestShell(vm, doing, sizeOf(found, soonBytes), caller)
  const { kind, owner } = await placeIn(shell, destination)
  if (kind !== 'folder' && found.length > 1)
    throw new Failure(`${destination} is not a folder in the guest`, { code: 'FILE_MISSING' })
  const onto = path.posix.basename(destination)
  const named = kind === 'folder' ? found : found.map(({ at }) => ({ at, name: nameOf(onto) }))
  const twice = named.find(({ name }, at) => named.findIndex((one) => one.name === name) !== at)
  if (twice !== undefined) throw new Failure(`two of the files are called ${textOf(twice.name)}`)
  const leftOut = new Set<Name>()
  const leave = (name: Name): void => {
    if (!leftOut.has(name)) caller.note?.(`left out, as it is no file, folder or link: ${textOf(name)}`)
    leftOut.add(name)
  }
  const input = (): Iterable<Buffer> => counted(pack(named, owner, leave), caller)
  const script = kind === 'folder' ? { text: intoScript, words: [destination] } : { text: ontoScript, words: [destination, onto] }
  await shell({ ...script, input })
}

/** What is there in the guest, and whose new files there will be. */
async function placeIn(shell: GuestShell, destination: string): Promise<{ kind: string; owner: { uid: number; gid: number } }> {
  let said = ''
  await shell({ text: placeScript, words: [destination], take: (piece) => (said += piece.toString('utf8', 0, 100)) })
  const [, kind = '', uid, gid] = /^(folder|file|none) (\d{1,10}) (\d{1,10})\n$/.exec(said) ?? []
  if (kind === '') throw new Failure(`the guest does not say what ${destination} is`)
  return { kind, owner: { uid: Number(uid), gid: Number(gid) } }
}

function* counted(pieces: Iterable<Buffer>, { onBytes, signal }: CopyCaller): Generator<Buffer> {
  let done = 0
  for (const piece of pieces) {
    signal?.throwIfAborted()
    yield piece
    onBytes?.((done += piece.length))
  }
}

async function copyOut(vm: Vm, { sources, destination }: Copying, caller: CopyCaller): Promise<void> {
  const isFolder = stat(destination)?.isDirectory() === true
  if (!isFolder && (sources.length > 1 || destination.endsWith('/')))
    throw new Failure(`there is no folder ${destination}`, { code: 'FILE_MISSING' })
  const parent = isFolder ? destination : path.dirname(destination)
  if (stat(parent)?.isDirectory() !== true) throw new Failure(`there is no folder ${parent}`, { code: 'FILE_MISSING' })
  // How much it is only the guest knows.
  const shell = await guestShell(vm, doing, Infinity, caller)
  for (const source of sources) {
    const theirs = path.posix.basename(source)
    if (/^\.{0,2}$/.test(theirs)) throw new Failure(`which file or folder is meant is not said by :${source}`)
    await fetchInto(shell, source, { parent, name: isFolder ? theirs : path.basename(destination) }, caller)
  }
}

/** Fetches one tree, by a shell that is where it is, into a folder beside its place, and then gives it its place. */
export async function fetchInto(
  shell: GuestShell,
  source: string,
  { parent, name }: { readonly parent: string; readonly name: string },
  { onBytes, note }: CopyCaller,
): Promise<void> {
  const writer = new TreeWriter(parent)
  try {
    const top = nameOf(name)
    const { reader, leftOut } = unpacker(writer, top)
    let done = 0
    const take = (piece: Buffer): void => {
      reader.push(piece)
      onBytes?.((done += piece.length))
    }
    await shell({ text: packScript, words: [source], saysMuch: true, take })
    reader.end()
    writer.finish()
    if (lstat(writer.at(top)) === undefined) throw new Failure(`${source} is no file or folder`, { code: 'FILE_MISSING' })
    moveInto(writer.at(top), path.join(writer.beside, name), path.join(parent, name))
    writer.closeFolders()
    const { links, others } = leftOut
    if (links > 0) note?.(`left out of ${source}: ${links} ${links === 1 ? 'link that leads' : 'links that lead'} out of it`)
    if (others > 0) note?.(`left out of ${source}: ${others} that ${others === 1 ? 'is' : 'are'} no file, folder or link`)
  } finally {
    writer.remove()
  }
}
