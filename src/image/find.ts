// An entry by a name that somebody typed. Pure.
import { Failure, UsageError } from '../core/errors.js'
import { nearest } from '../core/nearest.js'
import type { Arch } from '../model/guest.js'
import type { Entry, Words } from './entry.js'

/** The entry of a name or an alias: the first that has it. Throws a UsageError with the nearest name. */
export function findEntry(entries: readonly Entry[], name: string): Entry {
  const found = entries.find(({ id }) => id === name) ?? entries.find(({ aliases }) => aliases.includes(name))
  if (found !== undefined) return found
  const near = nearest(
    name,
    entries.flatMap(({ id, aliases }) => [id, ...aliases]),
  )
  throw new UsageError(`there is no image ${JSON.stringify(name)}`, {
    code: 'IMAGE_UNKNOWN',
    hints: [
      ...(near === undefined ? [] : [`did you mean ${near}?`]),
      'see them all: nbsvm images',
      'or name a file: /PATH, or URL#sha256:HEX',
    ],
  })
}

/** The words of an entry for a processor. Throws a Failure where the vendor makes none for it. */
export function wordsFor({ id, arches }: Entry, arch: Arch): Words {
  const words = arches[arch]
  if (words !== undefined) return words
  throw new Failure(`there is no ${id} for ${arch}; there is one for ${Object.keys(arches).join(', ')}`, {
    code: 'IMAGE_UNKNOWN',
  })
}
