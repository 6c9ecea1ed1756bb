// The code inside the one file: loaded from there, each file when it is first required, with what V8 compiled of it when it was built.
import path from 'node:path'
import type * as sea from 'node:sea'
import type * as vm from 'node:vm'
import { packedRoot } from './packed.js'

const head = '(function (exports, require, module, __filename, __dirname) {'

const { getRawAsset, getAsset } = process.getBuiltinModule('node:sea') as typeof sea
const { Script } = process.getBuiltinModule('node:vm') as typeof vm

const loaded = new Map<string, { exports: unknown }>()

/** Runs an asset as a CommonJS module, once, and returns what it exports: `chunk/program.cjs`. */
export function requirePacked(name: string): unknown {
  const known = loaded.get(name)
  if (known !== undefined) return known.exports
  const module = { exports: {} as unknown }
  loaded.set(name, module)
  const filename = `${packedRoot}/${name}`
  // The first line is moved to the left by what stands before it: maps of the source fit then.
  const script = new Script(`${head}${getAsset(name, 'utf8')}\n})`, {
    filename,
    columnOffset: -head.length,
    ...cacheOf(name),
  })
  const own = (id: string): unknown =>
    id.startsWith('.') ? requirePacked(path.join(path.dirname(name), id)) : process.getBuiltinModule(id)
  const run = script.runInThisContext() as (...words: unknown[]) => void
  run(module.exports, own, module, filename, path.dirname(filename))
  return module.exports
}

function cacheOf(name: string): { cachedData?: Buffer } {
  try {
    return { cachedData: Buffer.from(getRawAsset(`${name}.cache`) as ArrayBuffer) }
  } catch {
    return {}
  }
}
