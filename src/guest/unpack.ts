// What a guest sends as an archive, made into files of the host. The guest may be hostile: no name leads out of the tree, no link
// does, and nothing but files, folders and links is made.
import { Failure } from '../core/errors.js'
import { quote } from '../core/quote.js'
import { textOf, type Name } from '../sys/tree.js'
import type { TreeWriter } from '../sys/treewriter.js'
import { TarReader, type TarEntry } from './tar.js'

/** What was left out, and why. */
export interface LeftOut {
  /** Links that lead out of the tree. */
  links: number
  /** Devices, sockets, pipes. */
  others: number
}

/** Reads an archive of one tree, which will be called `top` here. */
export function unpacker(
  writer: TreeWriter,
  top: Name,
): { readonly reader: TarReader; readonly leftOut: LeftOut; isThere(): boolean } {
  const leftOut: LeftOut = { links: 0, others: 0 }
  /** Where links lead, and what was left out: a hard link can be another name of either. */
  const targets = new Map<Name, Name>()
  const missing = new Map<Name, keyof LeftOut>()
  let theirs: string | undefined
  let isInFile = false
  /** The name in the tree, with the top's name here in place of theirs. */
  const placed = (name: Name): Name => {
    const [first = '', ...others] = componentsOf(name)
    theirs ??= first
    if (first !== theirs) throw new Failure(`the guest has sent ${quote(textOf(name))}, which was not asked for`)
    return [top, ...others].join('/')
  }
  const leave = (name: Name, what: keyof LeftOut): void => {
    missing.set(name, what)
    leftOut[what]++
  }
  const makeLink = (name: Name, target: Name): void => {
    if (!staysIn(name, target)) return leave(name, 'links')
    writer.link(name, target)
    targets.set(name, target)
  }
  const makeHardLink = (name: Name, other: Name): void => {
    // A link leads elsewhere from another folder, so it is looked at anew.
    const target = targets.get(other)
    if (target !== undefined) return makeLink(name, target)
    const left = missing.get(other)
    if (left !== undefined) return leave(name, left)
    writer.hardLink(name, other)
  }
  const make = (entry: TarEntry): void => {
    const name = placed(entry.name)
    // An archive may have a name twice.
    targets.delete(name)
    missing.delete(name)
    isInFile = entry.kind === 'file'
    if (entry.kind === 'folder') writer.folder(name, entry.mode)
    else if (entry.kind === 'file') writer.beginFile(name, entry.mode, entry.mtimeSeconds)
    else if (entry.kind === 'hardlink') makeHardLink(name, placed(entry.target))
    else if (entry.kind === 'link') makeLink(name, entry.target)
    else leave(name, 'others')
  }
  const reader = new TarReader({
    onEntry: make,
    onBytes: (bytes) => (isInFile ? writer.write(bytes) : undefined),
    onEntryEnd: () => writer.endFile(),
  })
  return { reader, leftOut, isThere: () => theirs !== undefined }
}

/** Throws a Failure for a name that is no path below here. */
function componentsOf(name: Name): string[] {
  const components = name.replace(/^\.\//, '').replace(/\/$/, '').split('/')
  if (components.some((one) => one === '' || one === '.' || one === '..' || one.includes('\0'))) {
    throw new Failure(`the guest has sent a file that is called ${quote(textOf(name))}`)
  }
  return components
}

/**
 * Whether a link stays in its tree. Steps up are taken only where they come first, and so from the link's own folder: behind
 * the name of another link they could lead anywhere.
 */
export function staysIn(name: Name, target: Name): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false
  const steps = target.split('/').filter((one) => one !== '' && one !== '.')
  const up = steps.findIndex((one) => one !== '..')
  const ups = up === -1 ? steps.length : up
  // The tree's own name is the first component, the link's the last.
  return ups <= name.split('/').length - 2 && !steps.slice(ups).includes('..')
}
