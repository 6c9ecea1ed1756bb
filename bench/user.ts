// Whom a bench runs as where it is not root.
import type { World } from './world.js'

/** A number that no passwd file knows: nbsvm needs none. */
export const ordinaryUser = 54_321

export function who({ as }: World): string {
  return (as.uid ?? process.getuid?.()) === 0 ? 'root' : 'a user'
}
