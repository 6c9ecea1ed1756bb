// nbsvm as one file (scripts/single): Node.js with the package inside it, as assets of a single executable application.
// https://nodejs.org/api/single-executable-applications.html
import path from 'node:path'
import type * as sea from 'node:sea'
import { list, lstat, makePrivateFolder, readText, remove, setMode, writeWhole } from './file.js'

/** The names of the assets that are files for other programs and for browsers, and one name for all that is in them. */
interface Index {
  readonly stamp: string
  readonly files: readonly string[]
}

const load = (): typeof sea => process.getBuiltinModule('node:sea')

/** Where a stack says that the code inside is: there is no such folder. */
export const packedRoot = '/nbsvm-single'

/** Whether this is that file. */
export function isPacked(): boolean {
  return load().isSea()
}

/** A file of the package as it is inside; undefined where there is none of that name: `chunk/program.cjs.map`. */
export function packedText(name: string): string | undefined {
  try {
    return load().getAsset(name, 'utf8')
  } catch {
    return undefined
  }
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
  const { stamp, files } = JSON.parse(load().getAsset('index.json', 'utf8')) as Index
  if (folder === undefined || !files.includes(name)) return undefined
  const stampFile = path.join(folder, 'stamp')
  if (readText(stampFile) !== stamp) {
    sweep(folder, new Set(files))
    for (const file of files) lay(path.join(folder, file), Buffer.from(load().getRawAsset(file) as ArrayBuffer))
    writeWhole(stampFile, stamp)
  }
  return path.join(folder, name)
}

function lay(file: string, bytes: Buffer): void {
  makePrivateFolder(path.dirname(file))
  writeWhole(file, bytes)
  setMode(file, bytes.subarray(0, 2).toString() === '#!' ? 0o700 : 0o600)
}

/** Takes away what another version has laid there, and this one has not. */
function sweep(where: string, files: ReadonlySet<string>): void {
  for (const kind of list(where)) {
    const below = path.join(where, kind)
    if (lstat(below)?.isDirectory() !== true) continue
    for (const name of list(below)) if (!files.has(`${kind}/${name}`)) remove(path.join(below, name))
  }
}
