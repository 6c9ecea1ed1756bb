// Which files of a line are the guest's. Pure, and small: the line is checked before anything of it is done.
import { UsageError } from '../core/errors.js'
import { quote } from '../core/quote.js'

/** What goes where: all sources are on one side, the destination on the other. */
export interface Copying {
  readonly from: 'host' | 'guest'
  readonly sources: readonly string[]
  readonly destination: string
}

/**
 * Reads the words of `cp`: a path of the guest's begins with a colon. Options that cp(1) and scp(1) have for what is done in any
 * case are taken. Throws a UsageError where both ends are on one side.
 */
export function parseCopying(words: readonly string[]): Copying {
  const paths = words.filter((word, at) => !(at < words.length - 2 && /^-[apr]+$/.test(word)))
  const sources = paths.slice(0, -1)
  const destination = paths.at(-1) ?? ''
  const [from, to] = [isGuests(sources[0] ?? ''), isGuests(destination)]
  const hints = ["the guest's side begins with a colon: cp site :/srv/    or: cp :/etc/hostname ."]
  if (from === to) throw new UsageError(from ? 'both ends are in the guest' : 'both ends are on this machine', { hints })
  const other = sources.find((word) => isGuests(word) !== from)
  if (other !== undefined) throw new UsageError(`${quote(other)} is on the other side than ${quote(sources[0] ?? '')}`, { hints })
  const own = (word: string): string => (isGuests(word) ? guestPath(word.slice(1)) : word)
  return { from: from ? 'guest' : 'host', sources: sources.map(own), destination: own(destination) }
}

function isGuests(word: string): boolean {
  return word.startsWith(':')
}

/** A path that no program takes for an option. One that is relative begins at the home of who copies there. */
function guestPath(path: string): string {
  return path.startsWith('/') ? path : `./${path}`
}
