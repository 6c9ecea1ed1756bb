import fs from 'node:fs'
import path from 'node:path'
import { Failure } from '../core/errors.js'
import { nameOf, textOf, type Name } from './tree.js'

/** Its owner may see what is in a folder, write into it and enter it. */
const ownersWay = 0o700

/** Later than that some file systems cannot say. */
const latestSeconds = 2 ** 32 - 1

/**
 * Makes a tree of what somebody hostile names, in a new folder that nobody else may enter. A parent must have been made here
 * before, as a folder, so nothing is ever written through a link, or outside. Whose folder that one stands in can give it another
 * name and put something else into its place, so both are held open, and reached by their descriptors alone.
 */
export class TreeWriter {
  readonly #beside: number
  readonly #root: number
  readonly #rootName: string
  /** What was made, by its name here: a folder's mode is set at the end, as it may forbid to write into it. */
  readonly #folders = new Map<Name, number>()
  readonly #others = new Set<Name>()
  #file: { readonly fd: number; readonly mode: number; readonly mtimeSeconds: number } | undefined

  /** Makes the folder, beside what will take its content. */
  constructor(beside: string) {
    this.#beside = fs.openSync(beside, pathOnly | fs.constants.O_DIRECTORY)
    try {
      const made = fs.mkdtempSync(path.join(this.beside, '.nbsvm-cp-'))
      this.#rootName = path.basename(made)
      this.#root = openFolder(made)
    } catch (error) {
      fs.closeSync(this.#beside)
      throw error
    }
    if (fs.fstatSync(this.#root).uid === process.geteuid?.()) return
    this.remove()
    throw new Failure(`somebody has exchanged a new folder in ${beside}`)
  }

  /** The folder beside which it stands, whatever it is called now. */
  get beside(): string {
    return descriptorPath(this.#beside)
  }

  /** Where the top of the tree is. */
  at(name: Name): string {
    return path.join(descriptorPath(this.#root), textOf(name))
  }

  folder(name: Name, mode: number): void {
    if (this.#others.has(name)) throw new Failure(`${textOf(name)} is something else, and then a folder`)
    if (!this.#folders.has(name)) {
      this.#requireParent(name)
      fs.mkdirSync(this.#bytes(name), { mode: 0o700 })
    }
    this.#folders.set(name, mode)
  }

  /** Begins a file; `write` and `endFile` follow. */
  beginFile(name: Name, mode: number, mtimeSeconds: number): void {
    this.#forget(name)
    this.#file = { fd: fs.openSync(this.#bytes(name), 'wx', 0o600), mode, mtimeSeconds }
  }

  write(bytes: Buffer): void {
    if (this.#file === undefined) return
    for (let at = 0; at < bytes.length;) at += fs.writeSync(this.#file.fd, bytes, at)
  }

  endFile(): void {
    if (this.#file === undefined) return
    const { fd, mode, mtimeSeconds } = this.#file
    this.#file = undefined
    try {
      fs.fchmodSync(fd, mode)
      fs.futimesSync(fd, Math.min(mtimeSeconds, latestSeconds), Math.min(mtimeSeconds, latestSeconds))
    } finally {
      fs.closeSync(fd)
    }
  }

  link(name: Name, target: Name): void {
    this.#forget(name)
    fs.symlinkSync(Buffer.from(target, 'latin1'), this.#bytes(name))
  }

  /** One more name of a file that was made here. */
  hardLink(name: Name, target: Name): void {
    if (!this.#others.has(target) || target === name) throw new Failure(`there is no file ${textOf(target)} yet`)
    this.#forget(name)
    fs.linkSync(this.#bytes(target), this.#bytes(name))
  }

  /** To be called when all is there, before it is moved. */
  finish(): void {
    for (const [name, mode] of [...this.#folders].toReversed()) fs.chmodSync(this.#bytes(name), mode | ownersWay)
  }

  /** To be called when the tree has its place beside: what may not be written into could not have been moved. */
  closeFolders(): void {
    for (const [name, mode] of [...this.#folders].toReversed()) {
      if ((mode & ownersWay) === ownersWay) continue
      const fd = openBelow(this.#beside, name.split('/'))
      try {
        fs.chmodSync(descriptorPath(fd), mode)
      } finally {
        fs.closeSync(fd)
      }
    }
  }

  /** Removes what is still there; the writer is over. */
  remove(): void {
    if (this.#file !== undefined) fs.closeSync(this.#file.fd)
    this.#file = undefined
    const inside = descriptorPath(this.#root)
    for (const name of fs.readdirSync(inside, 'buffer'))
      fs.rmSync(Buffer.concat([Buffer.from(`${inside}/`), name]), { recursive: true, force: true })
    try {
      fs.rmdirSync(path.join(this.beside, this.#rootName))
    } catch {
      // Whoever has moved it away has it, and it is empty.
    }
    fs.closeSync(this.#root)
    fs.closeSync(this.#beside)
  }

  /** An archive may have a name twice: the last one counts. */
  #forget(name: Name): void {
    this.#requireParent(name)
    if (this.#folders.has(name)) throw new Failure(`${textOf(name)} is a folder, and then something else`)
    if (this.#others.has(name)) fs.unlinkSync(this.#bytes(name))
    this.#others.add(name)
  }

  #requireParent(name: Name): void {
    const parent = name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : undefined
    if (parent !== undefined && !this.#folders.has(parent)) throw new Failure(`there is no folder for ${textOf(name)}`)
  }

  #bytes(name: Name): Buffer {
    return Buffer.from(`${descriptorPath(this.#root)}/${name}`, 'latin1')
  }
}

function descriptorPath(fd: number): string {
  return `/proc/self/fd/${fd}`
}

/** O_PATH, which Node has no name for: who may not read a folder may have a way through it. */
const pathOnly = 0o10000000

function openFolder(file: string | Buffer): number {
  return fs.openSync(file, pathOnly | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW)
}

function nameIn(fd: number, name: Name): Buffer {
  return Buffer.from(`${descriptorPath(fd)}/${name}`, 'latin1')
}

/** Opens a folder step by step, so that no link is followed on the way. */
function openBelow(fd: number, [first = '', ...others]: readonly Name[]): number {
  const next = openFolder(nameIn(fd, first))
  if (others.length === 0) return next
  try {
    return openBelow(next, others)
  } finally {
    fs.closeSync(next)
  }
}

/**
 * Gives a tree its place. A folder that is there takes in what is new, and keeps the rest; a file, or a link, is replaced. Throws a
 * Failure, with nothing changed, where a folder would take the place of something else, or something else that of a folder; `shown`
 * is what it calls the place.
 */
export function moveInto(from: string, to: string, shown = to): void {
  const folder = fs.openSync(path.dirname(to), pathOnly | fs.constants.O_DIRECTORY)
  const tree = Buffer.from(from)
  const name = nameOf(path.basename(to))
  try {
    place(tree, folder, name, { shown, isTrial: true })
    place(tree, folder, name, { shown, isTrial: false })
  } finally {
    fs.closeSync(folder)
  }
}

/** Each folder that is there is entered by its descriptor: what its owner makes a link meanwhile leads nowhere. */
function place(
  from: Buffer,
  folder: number,
  name: Name,
  { shown, isTrial }: { readonly shown: string; readonly isTrial: boolean },
): void {
  const to = nameIn(folder, name)
  const isFolder = fs.lstatSync(from).isDirectory()
  const there = fs.lstatSync(to, { throwIfNoEntry: false })
  if (there === undefined || (!isFolder && !there.isDirectory())) {
    if (!isTrial) fs.renameSync(from, to)
    return
  }
  if (isFolder !== there.isDirectory()) {
    throw new Failure(
      `${shown} is ${there.isDirectory() ? 'a folder' : 'no folder'}, and what would take its place is ${isFolder ? 'one' : 'none'}`,
    )
  }
  const fd = openFolder(to)
  try {
    for (const child of fs.readdirSync(from, 'latin1')) {
      const inside = { shown: path.join(shown, textOf(child)), isTrial }
      place(Buffer.concat([from, Buffer.from(`/${child}`, 'latin1')]), fd, child, inside)
    }
  } finally {
    fs.closeSync(fd)
  }
}
