// This very nbsvm, and who runs it.
import { realPath } from './file.js'

/** The words by which this program is called from anywhere: full path of node and of the script, links followed. */
export function ownProgram(): string[] {
  // A program that holds its own node (bun build --compile) has a script that is in no file system.
  const script = realPath(process.argv[1] ?? '')
  return script === undefined ? [process.execPath] : [process.execPath, script]
}

/** The user's name, as the system has it. */
export function userName(): string {
  return process.getBuiltinModule('node:os').userInfo().username
}
