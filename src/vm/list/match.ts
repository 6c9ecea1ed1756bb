import { UsageError } from '../../core/errors.js'
import { calledNames, listVms } from './list.js'
import type { Outside } from '../../host/place.js'

/**
 * Turns names and patterns (`web*`, `db?`, `[ab]*`) into names. A pattern matches the VMs that exist: those of the class that
 * was chosen, else all, as `ls` calls them.
 */
export async function matchVms(targets: readonly string[], outside: Outside): Promise<string[]> {
  const names = calledNames(await listVms(outside), outside)
  const found = targets.flatMap((target) => {
    if (!/[*?[]/.test(target)) return [target]
    const pattern = patternOf(target)
    const matching = names.filter((name) => pattern.test(name))
    if (matching.length > 0) return matching
    throw new UsageError(`no VM matches ${JSON.stringify(target)}`, { hints: ['see which there are: nbsvm ls'] })
  })
  return [...new Set(found)]
}

/** A shell pattern as a regular expression. */
function patternOf(glob: string): RegExp {
  const source = glob.replaceAll(/\[[!^]?[^\]]+\]|[*?]|[^A-Za-z0-9]/g, (part) => {
    if (part === '*') return '.*'
    if (part === '?') return '.'
    if (part.length > 1) return part.replace(/^\[[!^]/, '[^').replaceAll('\\', '\\\\')
    return `\\${part}`
  })
  return new RegExp(`^${source}$`)
}
