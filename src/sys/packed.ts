// nbsvm as one file (scripts/single): what is first in it leaves a way to the files that the package holds besides its code.
import path from 'node:path'
import { list, makePrivateFolder, readText, remove, setMode, stat, writeWhole } from './file.js'

/** Files for other programs and for browsers, in Base64 by their names (`keys/ubuntu.gpg`), and one name for all that is in them. */
export interface Packed {
  readonly stamp: string
  readonly files: Readonly<Record<string, string>>
}

/** Where the way is: `scripts/single` writes this name too. */
const key = Symbol.for('nbsvm.packed')

const load = (globalThis as { readonly [key]?: () => Packed })[key]

/** Whether this is that file. */
export function isPacked(): boolean {
  return load !== undefined
}

let folder: string | undefined

/** Says where files are laid that other programs are to read. Nothing is there before one is needed. */
export function unpackInto(where: string): void {
  folder = where
}

/**
 * The path of a file of the package, all of whose files are laid into that folder where it has not just these: keys for gpgv, scripts,
 * the page. Each is replaced as a whole, and the stamp comes last, so two that do this at one time do each other no harm.
 */
export function unpackedFile(name: string): string | undefined {
  if (load === undefined || folder === undefined) return undefined
  const { stamp, files } = load()
  if (!(name in files)) return undefined
  const stampFile = path.join(folder, 'stamp')
  const file = path.join(folder, name)
  if (readText(stampFile) !== stamp || stat(file) === undefined) {
    for (const kind of new Set(Object.keys(files).map((one) => path.dirname(one)))) makeReady(folder, kind, files)
    for (const [one, text] of Object.entries(files)) lay(path.join(folder, one), Buffer.from(text, 'base64'))
    writeWhole(stampFile, stamp)
  }
  return file
}

/** Makes a folder of it, without what another version has laid there and this one has not. */
function makeReady(where: string, kind: string, files: Packed['files']): void {
  const below = path.join(where, kind)
  makePrivateFolder(below)
  for (const name of list(below)) if (!(`${kind}/${name}` in files)) remove(path.join(below, name))
}

function lay(file: string, bytes: Buffer): void {
  writeWhole(file, bytes)
  setMode(file, bytes.subarray(0, 2).toString() === '#!' ? 0o700 : 0o600)
}
