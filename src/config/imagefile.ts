// Files NAME.image among the settings files: images of a user's own, or what is to be different for one of the catalogue. They
// hold shell assignments, as settings files do; what each means is the business of the room `image`.
import path from 'node:path'
import { Failure, UsageError } from '../core/errors.js'
import { list, readRegular } from '../sys/file.js'
import { expandText, expandWords, type Scope } from './expand.js'
import type { Folders } from './layers.js'
import { parseShell } from './shell.js'
import { describePosition, refusalAt } from './source.js'

/** What one such file says. */
export interface ImageFile {
  /** `debian-13` of `debian-13.image` */
  readonly name: string
  readonly file: string
  readonly values: ReadonlyMap<string, Assigned>
}

export interface Assigned {
  readonly value: string | readonly string[]
  /** `FILE:LINE:COLUMN` */
  readonly where: string
}

const suffix = '.image'

/** More is no list of facts on an image. */
const mostBytes = 64 * 1024

/** Reads all of them, the user's before the system's of the same name. Throws a UsageError, with the place, for what cannot be read. */
export function readImageFiles(
  { userFolder, systemFolder }: Folders,
  { environment, home }: { readonly environment: Readonly<Record<string, string | undefined>>; readonly home: string },
): ImageFile[] {
  const found = new Map<string, ImageFile>()
  for (const folder of [userFolder, systemFolder]) {
    for (const name of folder === undefined ? [] : list(folder).filter((one) => one.endsWith(suffix))) {
      const id = name.slice(0, -suffix.length)
      const file = path.join(folder ?? '', name)
      if (!found.has(id)) found.set(id, { name: id, file, values: readValues(file, environment, home) })
    }
  }
  return [...found.values()]
}

function readValues(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
): ReadonlyMap<string, Assigned> {
  const values = new Map<string, Assigned>()
  const scope: Scope = {
    lookUp: (name) => {
      const value = values.get(name)?.value
      return typeof value === 'string' ? value : environment[name]
    },
    elementsOf: (name) => [values.get(name)?.value ?? []].flat(),
    home,
  }
  for (const statement of parseShell(textOf(file), file)) {
    const { position } = statement
    if (statement.kind === 'include')
      throw refusalAt(position, '. FILE', 'an image file includes no other', 'write what is in it')
    const { name, value, appends } = statement
    if (appends) throw refusalAt(position, `${name}+=`, 'an image file adds to nothing', `write ${name}=`)
    const read =
      value.kind === 'word' ? expandText(value.word, scope, position) : expandWords(value.elements, scope, position).elements
    values.set(name, { value: read, where: describePosition(position) })
  }
  return values
}

function textOf(file: string): string {
  try {
    return readRegular(file, mostBytes) ?? ''
  } catch (error) {
    throw error instanceof Failure ? error : new UsageError(`cannot read the image file ${file}`, { cause: error })
  }
}
