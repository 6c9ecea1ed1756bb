// This very nbsvm, and who runs it.
import path from 'node:path'
import { isEmbedded } from './embedded.js'
import { readHead, realPath, stat } from './file.js'
import { isPacked, unpackedFile } from './packed.js'

/** What the program was called with, its own name first. */
export const calledWith: readonly string[] = process.argv.slice(1)

/** This process. */
export const ownPid = process.pid

/** The Node.js that runs it: its version, `20.19.2`, and the path of its program. */
export const node = { version: process.versions.node, path: process.execPath } as const

/** The words by which this program is called from anywhere: full path of node and of the script, links followed. */
export function ownProgram(): string[] {
  // What a program that has it as its library was called with is something else.
  if (isEmbedded()) return anotherProgram()
  if (isPacked()) return [process.execPath]
  const script = realPath(process.argv[1] ?? '')
  return script === undefined ? [process.execPath] : [process.execPath, script]
}

/** The user's name, as the system has it; the number where no passwd file knows it, as in containers. */
export function userName(): string {
  try {
    return process.getBuiltinModule('node:os').userInfo().username
  } catch {
    return String(process.geteuid?.())
  }
}

/** The words by which another nbsvm is started: Node.js and the package's own file, or the one file that is both. */
export function anotherProgram(): string[] {
  return isPacked() ? [process.execPath] : [process.execPath, packageFile('nbsvm.cjs')]
}

/** The path of a file that the package brings along, in dist/ or where it was built from: `keys/ubuntu.gpg`. */
export function packageFile(name: string): string {
  return required(name, findAbove(name))
}

/** What the library's thread runs: bundled, or as it was compiled for the tests. */
export function libraryThread(): string {
  return required('library/thread', findAbove('library/thread.cjs') ?? findAbove('library/thread.js'))
}

function findAbove(name: string): string | undefined {
  if (isPacked()) return unpackedFile(name)
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const file = path.join(folder, name)
    if (stat(file) !== undefined) return file
    if (folder === path.dirname(folder)) return undefined
  }
}

function required(name: string, file: string | undefined): string {
  if (file === undefined) throw new Error(`${name} is not in the package`)
  return file
}

/** Whether a word that this program was called with was no UTF-8: where it was not, Node has put U+FFFD. */
export function isAltered(word: string): boolean {
  return word.includes('\uFFFD') && !(readHead('/proc/self/cmdline', 4 * 1024 ** 2) ?? Buffer.alloc(0)).includes(word)
}
