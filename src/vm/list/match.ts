import { UsageError } from '../../core/errors.js'
import { globMatcher, isGlob } from '../../core/glob.js'
import { quote } from '../../core/quote.js'
import { listCall } from './exists.js'
import { calledNames, listVms, type OnFault } from './list.js'
import type { Outside } from '../../host/place.js'

/**
 * Turns names and patterns (`web*`, `db?`, `[ab]*`) into names. A pattern matches the VMs that exist: those of the class that
 * was chosen, else all, as `ls` calls them.
 */
export async function matchVms(targets: readonly string[], outside: Outside, onFault?: OnFault): Promise<string[]> {
  const names = calledNames(await listVms(outside, onFault), outside)
  const found = targets.flatMap((target) => {
    if (!isGlob(target)) return [target]
    const matching = names.filter(globMatcher(target))
    if (matching.length > 0) return matching
    throw new UsageError(`no VM matches ${quote(target)}`, {
      code: 'VM_MISSING',
      hints: [`see which there are: ${listCall(outside)}`],
    })
  })
  return [...new Set(found)]
}
