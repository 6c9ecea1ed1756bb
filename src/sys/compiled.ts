// nbsvm's own files as V8 compiled them, kept from one run to the next by Node.js, which can from version 22.1 on.
import fs from 'node:fs'
import module from 'node:module'
import path from 'node:path'

/**
 * Runs a file. What V8 compiles of it, and of what it requires, Node.js keeps in `folder`, and takes from there. Whoever can write
 * there can have nbsvm do anything, so it is used only where it is the user's own, as is the folder that it is in: root keeps
 * nothing in a user's.
 */
export function loadCompiled(file: string, folder: string): void {
  const { enableCompileCache }: Partial<typeof module & CompileCache> = module
  // Node.js itself obeys that variable, and would leave an empty folder.
  const isWanted = process.env['NODE_DISABLE_COMPILE_CACHE'] === undefined
  if (enableCompileCache !== undefined && isWanted && isReady(folder)) enableCompileCache(folder)
  module.createRequire(file)(file)
}

function isReady(folder: string): boolean {
  if (!isOwn(path.dirname(folder))) return false
  try {
    fs.mkdirSync(folder, { mode: 0o700 })
  } catch {
    // It is there, or cannot be made.
  }
  return isOwn(folder) && !fs.lstatSync(folder).isSymbolicLink()
}

/** What @types/node of the oldest Node.js that is supported does not know. */
interface CompileCache {
  enableCompileCache(folder: string): unknown
}

function isOwn(folder: string): boolean {
  try {
    const { uid, mode } = fs.statSync(folder)
    return uid === process.geteuid?.() && (mode & 0o022) === 0
  } catch {
    return false
  }
}
