// What nbsvm 0.1 left, which had no records: the class in the drawer, and guests with an identity made from their name alone.
import { UsageError } from '../../core/errors.js'
import { nameFault } from '../../core/name.js'
import { quoteWord } from '../../core/words.js'
import { lstat } from '../../sys/file.js'
import { isOwn, readPlain } from '../../sys/plain.js'
import { identityOf01 } from './identity.js'
import type { MachineRecord } from './shape.js'

/** Longer than any command that QEMU is run with. */
const commandBytes = 1024 * 1024

/** A drawer, of which only this is looked at. */
interface Folder {
  readonly folder: string
}

/** The identity of a guest that 0.1 started, which shall keep it: as its command tells. Undefined for all others. */
export function identityFrom01(id: string, { folder }: Folder): Pick<MachineRecord, 'uuid' | 'macs'> | undefined {
  const identity = identityOf01(id)
  return quietly(`${folder}/command`, commandBytes)?.includes(identity.uuid) === true ? identity : undefined
}

/**
 * The class that 0.1 wrote into the drawer of the VM with this id; undefined where there is none. QEMU's user owned root's
 * drawers, and a class chooses `run_as`: so what others may have written is not believed, but asked for.
 */
export function classFrom01(id: string, { folder }: Folder): string | undefined {
  if (!id.includes('-')) return undefined
  const drawer = lstat(folder)
  const isOurs = drawer?.isDirectory() === true && isOwn(drawer)
  const [name, vmClass] = classIn(folder) ?? []
  if (vmClass === undefined || !id.startsWith(`${vmClass}-`)) return undefined
  if (isOurs && name === 'class') return vmClass
  throw new UsageError(`which class ${id} is in was written down where QEMU's user could change it, so it is not believed`, {
    hints: [
      `if it is ${vmClass}, say so once, and start it: nbsvm ${id.slice(vmClass.length + 1)} class=${vmClass} start`,
      `if it has none: rm ${quoteWord(`${folder}/${name}`)}`,
    ],
  })
}

/** What of a drawer that QEMU's user owned is still asked for when all of it is removed, by name: what was not believed stays so. */
export function leftBy01(folder: string): Readonly<Record<string, string>> {
  const command = quietly(`${folder}/command`, commandBytes)
  const vmClass = classIn(folder)?.[1]
  return { ...(command === undefined ? {} : { command }), ...(vmClass === undefined ? {} : { [doubted]: `${vmClass}\n` }) }
}

const doubted = 'class.doubted'

/** The file that tells the class, and what it tells. */
function classIn(folder: string): readonly [name: string, vmClass: string] | undefined {
  for (const name of ['class', doubted]) {
    const text = quietly(`${folder}/${name}`, 100)?.trim() ?? ''
    if (nameFault(text) === undefined) return [name, text]
  }
  return undefined
}

function quietly(file: string, maxBytes: number): string | undefined {
  try {
    return readPlain(file, maxBytes)?.text
  } catch {
    return undefined
  }
}
