// What to type about an error of the system's own.
import path from 'node:path'
import { errorCode } from '../core/errors.js'
import { quoteWord } from '../core/words.js'
import type { Place } from './place.js'
import { lstat } from '../sys/file.js'

/** The hints for what the system refused, about the very folder or file that it refused. */
export function systemHints(error: unknown, place: Place): string[] {
  const hint = hints[errorCode(error) ?? '']
  return hint === undefined ? [] : [hint(whereOf(error) ?? place.state, place)]
}

const mayNot = (where: string): string => `see who may write there: ls -ld ${quoteWord(where)}; another place: NBSVM_HOME=DIR`

const hints: Readonly<Record<string, (where: string, place: Place) => string>> = {
  ENOSPC: (where, { drives }) => `see how full the disk is: df -h ${[...new Set([where, drives])].map(quoteWord).join(' ')}`,
  EIO: () => 'the disk may be failing, see what the kernel says of it: dmesg',
  EDQUOT: () => 'see how much of the disk is yours: quota -s',
  EACCES: mayNot,
  EPERM: mayNot,
  EROFS: mayNot,
}

/** The path that an error is about, or the folder above it that is there: of two paths the new one. */
function whereOf(error: unknown): string | undefined {
  const { path: from, dest } = error as { path?: unknown; dest?: unknown }
  const where = dest ?? from
  return typeof where === 'string' && path.isAbsolute(where) ? nearestThere(where) : undefined
}

function nearestThere(where: string): string {
  try {
    if (lstat(where) !== undefined) return where
  } catch {
    // Above it, then.
  }
  return where === '/' ? where : nearestThere(path.dirname(where))
}
