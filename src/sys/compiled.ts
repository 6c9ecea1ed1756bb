// nbsvm's own files as V8 compiled them, kept from one run to the next: compiling them anew, one function after the other as
// it is called, takes a third of the time of `start` before QEMU runs. Node can keep them itself from version 22 on, and what
// Debian 12 and 13 have is older.
import fs from 'node:fs'
import path from 'node:path'
import type * as v8 from 'node:v8'
import type * as vm from 'node:vm'
import { writeWhole } from './file.js'

interface Module {
  exports: object
}

type Require = (id: string) => unknown

/** What a file is: a CommonJS module within the function that Node would put around it, which would be a copy of it all. */
type Body = (exports: object, require: Require, module: Module) => void

/** A file that was compiled in this run, because nothing that was kept fits it. */
interface Compiled {
  readonly file: string
  readonly code: string
  readonly keptFile: string
  readonly stamp: string
}

/** The stamp, a line before what V8 wrote, has a fixed length, so that the rest begins where V8 wants it. */
const stampBytes = 512

/**
 * Runs a file and, as they are required, those beside it. What was compiled before is taken from `folder`, where it fits; what
 * was not is kept there when the program ends well, if nbsvm keeps things in that place already. What cannot be read or
 * written there is compiled, and no error.
 */
export function loadCompiled(file: string, folder: string): void {
  const loaded = new Map<string, Module>()
  const compiled: Compiled[] = []
  const load = (file: string): object => {
    const known = loaded.get(file)
    if (known !== undefined) return known.exports
    const module: Module = { exports: {} }
    loaded.set(file, module)
    const require: Require = (id) => (id.startsWith('.') ? load(path.join(file, '..', id)) : process.getBuiltinModule(id))
    compile(file, folder, compiled)(module.exports, require, module)
    return module.exports
  }
  process.once('exit', (status) => {
    if (status === 0 && compiled.length > 0 && isOwn(path.dirname(folder))) keep(folder, compiled)
  })
  load(file)
}

/** Whether the folder is there, and ours: root keeps nothing in a user's. */
function isOwn(folder: string): boolean {
  return fs.statSync(folder, { throwIfNoEntry: false })?.uid === process.geteuid?.()
}

function compile(file: string, folder: string, compiled: Compiled[]): Body {
  const { Script }: typeof vm = process.getBuiltinModule('node:vm')
  const code = fs.readFileSync(file, 'utf8')
  const keptFile = path.join(folder, path.basename(file))
  const stamp = stampOf(file)
  const cachedData = readKept(keptFile, stamp)
  const script = new Script(code, { filename: file, ...(cachedData === undefined ? {} : { cachedData }) })
  if (cachedData === undefined || script.cachedDataRejected === true) compiled.push({ file, code, keptFile, stamp })
  return script.runInThisContext() as Body
}

/** Another file, or the same one replaced, another Node, or other options of V8's: another stamp. V8 compares little itself. */
function stampOf(file: string): string {
  const { ino, size, mtimeMs, ctimeMs } = fs.statSync(file)
  const options = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ').slice(0, 200)
  return `${[process.version, process.arch, ino, size, mtimeMs, ctimeMs, options].join(' ').padEnd(stampBytes - 1)}\n`
}

/** Whoever can write this file can have nbsvm do anything, so it must be the user's own. */
function readKept(file: string, stamp: string): Buffer | undefined {
  try {
    const { uid, mode } = fs.statSync(file)
    if (uid !== process.geteuid?.() || (mode & 0o022) !== 0) return undefined
    const bytes = fs.readFileSync(file)
    return bytes.toString('latin1', 0, stampBytes) === stamp ? bytes.subarray(stampBytes) : undefined
  } catch {
    return undefined
  }
}

/** Compiles once more, this time every function, whichever verb needs it, and writes that down. */
function keep(folder: string, compiled: readonly Compiled[]): void {
  const { Script }: typeof vm = process.getBuiltinModule('node:vm')
  const { setFlagsFromString }: typeof v8 = process.getBuiltinModule('node:v8')
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const { file, code, keptFile, stamp } of compiled) {
      setFlagsFromString('--no-lazy')
      // From the same place V8 would take what this run has compiled of it; the first line's column is nothing to anybody.
      const script = new Script(code, { filename: file, columnOffset: 1 })
      // V8 writes down under which options it compiled, and takes it only under the same.
      setFlagsFromString('--lazy')
      // V8 trusts what it reads: the file must be whole, or not there, also after a power cut.
      writeWhole(keptFile, Buffer.concat([Buffer.from(stamp, 'latin1'), script.createCachedData()]))
    }
  } catch {
    // A full disk, a home that cannot be written.
  }
}
