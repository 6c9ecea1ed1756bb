// What a VM's class is. Apart from the reading of settings, so that a list of VMs need not load that.
import path from 'node:path'
import { checkName } from '../core/name.js'

/**
 * The class of this call: `class=` of the command line (empty for none), else the environment's `class`, else what the
 * program was called by. Throws UsageError for what is not a class name.
 */
export function chooseClass(given: {
  readonly commandLine: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly program: string
}): string | undefined {
  const wanted = given.commandLine ?? (given.environment['class'] || undefined)
  if (wanted === '') return undefined
  return wanted === undefined ? classFromProgram(given.program) : checkName('class', wanted)
}

/**
 * The class that the program's name stands for: `winvm` (a link to `nbsvm`) is class `win`; `nbsvm` itself, and any name
 * that does not end in `vm`, is none. `program` may be a path. Throws UsageError for what is not a class name.
 */
export function classFromProgram(program: string): string | undefined {
  const vmClass = /^(?!nbsvm$)(?<vmClass>.+)vm$/.exec(path.basename(program))?.groups?.['vmClass']
  return vmClass === undefined ? undefined : checkName('class', vmClass)
}
