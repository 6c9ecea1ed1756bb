// nbsvm's own files as V8 compiled them, kept from one run to the next: a third of the time of `start` went into compiling
// them anew. Node can do this itself from version 22 on, and Debian 12's and 13's are older.
import fs from 'node:fs'
import path from 'node:path'
import type * as vm from 'node:vm'

interface Loaded {
  readonly script: vm.Script
  /** Where its compiled code belongs. */
  readonly keptFile: string
  readonly stamp: string
}

/** What CommonJS's loader calls to run a file: https://github.com/nodejs/node/blob/v20.x/lib/internal/modules/cjs/loader.js */
interface Loader {
  wrap(code: string): string
  readonly prototype: { _compile(this: NodeJS.Module, code: string, file: string): unknown }
}

type Wrapped = (
  exports: unknown,
  require: (id: string) => unknown,
  module: NodeJS.Module,
  file: string,
  folder: string,
) => unknown

/** The stamp, a line before the compiled code, has a fixed length, so that the code begins where V8 wants it. */
const stampBytes = 256

/**
 * Has the files that are loaded from now on take their compiled code from `folder`, where it fits them. If one had none and
 * the run ends well, the code of all is written there, but only where nbsvm keeps things already, beside that folder. What
 * cannot be read or written is compiled, and no error.
 */
export function keepCompiled(folder: string): void {
  const { Module } = process.getBuiltinModule('node:module') as unknown as { Module: Loader }
  const { Script }: typeof vm = process.getBuiltinModule('node:vm')
  const all: Loaded[] = []
  let isNew = false
  // oxlint-disable-next-line no-underscore-dangle -- it is called so, and compile caches have relied on it for ten years
  Module.prototype._compile = function (code, file) {
    const keptFile = path.join(folder, path.basename(file))
    const stamp = stampOf(file)
    const cachedData = readKept(keptFile, stamp)
    const script = new Script(Module.wrap(code), { filename: file, ...(cachedData === undefined ? {} : { cachedData }) })
    isNew ||= cachedData === undefined || script.cachedDataRejected === true
    all.push({ script, keptFile, stamp })
    const run = script.runInThisContext() as Wrapped
    return run.call(this.exports, this.exports, (id) => this.require(id), this, file, path.dirname(file))
  }
  process.once('exit', (status) => {
    if (status === 0 && isNew && fs.existsSync(path.dirname(folder))) writeAll(folder, all)
  })
}

/** Another file, or the same one replaced, or another Node: another stamp. V8 itself compares little more than lengths. */
function stampOf(file: string): string {
  const parts = [file, process.execPath].flatMap((name) => {
    const { ino, size, mtimeMs, ctimeMs } = fs.statSync(name)
    return [ino, size, mtimeMs, ctimeMs]
  })
  return [process.version, process.arch, ...parts]
    .join(' ')
    .padEnd(stampBytes - 1)
    .concat('\n')
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

function writeAll(folder: string, all: readonly Loaded[]): void {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const { script, keptFile, stamp } of all) {
      const temporary = `${keptFile}.${process.pid}`
      const fd = fs.openSync(temporary, 'w', 0o600)
      fs.writevSync(fd, [Buffer.from(stamp, 'latin1'), script.createCachedData()])
      // V8 trusts what it reads: after a power cut the file must be whole, or not there.
      fs.fsyncSync(fd)
      fs.closeSync(fd)
      fs.renameSync(temporary, keptFile)
    }
  } catch {
    // A full disk, a home that cannot be written.
  }
}
