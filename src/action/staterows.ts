// The rows of what keeps the whole state of a VM.
import { checkName } from '../core/name.js'
import { UsageError } from '../core/errors.js'
import { checkBackup } from './rowcheck.js'
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
  action(
    'backup',
    { min: 0, max: 1 },
    {
      words: 'DIR',
      flags: {
        'keep=COUNT': 'then remove all but the newest',
        'boot-test': 'then boot a copy of it, made from the backup',
        live: 'its file systems do not stand still for it',
        settle: 'undo what a backup that was killed has left',
      },
      summary: 'write what has changed of it into a folder of backups, as it runs or is off',
      check: checkBackup,
    },
  ),
  action('backups', one, {
    needs: 'nothing',
    words: 'DIR',
    flags: { json: 'as a JSON array', verify: 'read all of them and compare', 'rm=WHEN': 'remove that one' },
    summary: 'list its backups, or remove one',
    check: (_, { rm, json, verify }) => {
      if (rm !== undefined && (json ?? verify) !== undefined) throw new UsageError('either --rm=WHEN, or --json and --verify')
    },
  }),
  action(
    'restore',
    { min: 1, max: 2 },
    {
      needs: 'nothing',
      makes: true,
      reads: 'consent',
      words: 'DIR [WHEN]',
      flags: { 'from=VM': 'of what VM, where it is to have another name', yes: 'do not ask' },
      summary: 'make it again from its newest backup, or from that of WHEN',
      check: (_, { from }) => {
        if (from !== undefined) checkName('VM', String(from))
      },
    },
  ),
  action('save', none, {
    ...onTheRun,
    summary: 'put it to sleep on the disk; start wakes it',
  }),
]
