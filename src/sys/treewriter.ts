import fs from 'node:fs'
import path from 'node:path'
import { Failure } from '../core/errors.js'
import { nameOf, textOf, type Name } from './tree.js'

/** Its owner may write into a folder, and enter it. */
const ownersWay = 0o300

/** Later than that some file systems cannot say. */
const latestSeconds = 2 ** 32 - 1

/**
 * Makes a tree of what somebody hostile names, in a new folder that nobody else may enter. A parent must have been made here
 * before, as a folder, so nothing is ever written through a link, or outside.
 */
export class TreeWriter {
  readonly #root: string
  /** What was made, by its name here: a folder's mode is set at the end, as it may forbid to write into it. */
  readonly #folders = new Map<Name, number>()
  readonly #others = new Set<Name>()
  #file: { readonly fd: number; readonly mode: number; readonly mtimeSeconds: number } | undefined

  /** Makes the folder, beside what will take its content. */
  constructor(beside: string) {
    this.#root = fs.mkdtempSync(path.join(beside, '.nbsvm-cp-'))
  }

  /** Where the top of the tree is. */
  at(name: Name): string {
    return path.join(this.#root, textOf(name))
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

  /** To be called when the tree has its place in `folder`: what may not be written into could not have been moved. */
  closeFolders(folder: string): void {
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants
    for (const [name, mode] of [...this.#folders].toReversed()) {
      if ((mode & ownersWay) === ownersWay) continue
      const fd = fs.openSync(Buffer.from(`${nameOf(folder)}/${name}`, 'latin1'), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      try {
        fs.fchmodSync(fd, mode)
      } finally {
        fs.closeSync(fd)
      }
    }
  }

  /** Removes what is still there. */
  remove(): void {
    if (this.#file !== undefined) fs.closeSync(this.#file.fd)
    this.#file = undefined
    fs.rmSync(this.#root, { recursive: true, force: true })
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
    return Buffer.from(`${nameOf(this.#root)}/${name}`, 'latin1')
  }
}

/**
 * Gives a tree its place. A folder that is there takes in what is new, and keeps the rest; a file, or a link, is replaced. Throws a
 * Failure, with nothing changed, where a folder would take the place of something else, or something else that of a folder.
 */
export function moveInto(from: string, to: string): void {
  const pairs = [...moves(Buffer.from(from), Buffer.from(to))]
  for (const [source, place] of pairs) fs.renameSync(source, place)
}

function* moves(from: Buffer, to: Buffer): Generator<readonly [Buffer, Buffer]> {
  const isFolder = fs.lstatSync(from).isDirectory()
  const there = fs.lstatSync(to, { throwIfNoEntry: false })
  if (there === undefined || (!isFolder && !there.isDirectory())) {
    yield [from, to]
    return
  }
  if (isFolder !== there.isDirectory()) {
    throw new Failure(
      `${to.toString()} is ${there.isDirectory() ? 'a folder' : 'no folder'}, and what would take its place is ${isFolder ? 'one' : 'none'}`,
    )
  }
  for (const name of fs.readdirSync(from, 'latin1')) {
    const child = Buffer.from(`/${name}`, 'latin1')
    yield* moves(Buffer.concat([from, child]), Buffer.concat([to, child]))
  }
}
