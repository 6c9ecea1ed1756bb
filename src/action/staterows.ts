// The rows of what keeps the whole state of a VM.
import { checkName } from '../core/name.js'
import { UsageError } from '../core/errors.js'
import { action, none, one, onTheRun } from './actionrow.js'
import type { ActionRow } from './verb.js'

export const stateActions: readonly ActionRow[] = [
  action('checkpoint', one, {
    words: 'NAME',
    summary: 'keep its whole state under a name, as it runs or is off',
    check: ([name = '']) => void checkName('checkpoint', name),
  }),
  action('rollback', one, {
    words: 'CHECKPOINT',
    reads: 'consent',
    flags: { yes: 'do not ask', fresh: 'its drives alone, without its RAM' },
    summary: 'make it what it was at a checkpoint',
    check: ([name = '']) => void checkName('checkpoint', name),
  }),
  action('checkpoints', none, {
    ...onTheRun,
    flags: { json: 'as a JSON array', 'rm=CHECKPOINT': 'remove that one' },
    summary: 'list its checkpoints, or remove one',
    check: (_, { rm, json }) => {
      if (rm !== undefined && json !== undefined) throw new UsageError('either --rm=CHECKPOINT or --json')
      if (rm !== undefined) checkName('checkpoint', String(rm))
    },
  }),
  action('save', none, {
    ...onTheRun,
    summary: 'put it to sleep on the disk; start wakes it',
  }),
]
