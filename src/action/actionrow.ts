// How the row of an action is written down: what most have need not be said.
import type { ActionRow, Takes } from './verb.js'

export const none: Takes = { min: 0, max: 0 }
export const one: Takes = { min: 1, max: 1 }
export const maybeOne: Takes = { min: 0, max: 1 }
/** Up to `--` or the end of the line. */
export const many: Takes = { min: 1, max: 1000 }
export const rest: Takes = { min: 0, max: 'all' }

type Given = Pick<ActionRow, 'summary'> & Partial<Omit<ActionRow, 'name' | 'takes'>>

export function action(name: string, takes: Takes, row: Given): ActionRow {
  const usual = {
    words: '',
    flags: {},
    needs: 'vm',
    makes: false,
    goesWithoutFiles: false,
    interactive: false,
    givesStatus: false,
  } as const
  return { name, takes, ...usual, reads: 'nothing', ...row }
}

/** About a VM as it runs. */
export const onTheRun = { goesWithoutFiles: true } as const
