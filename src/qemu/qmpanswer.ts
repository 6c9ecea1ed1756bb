// What is used of QEMU's answers, and the proof that it is there. The guest may have taken QEMU over, and a QEMU of another
// version may answer otherwise: an answer is believed only as far as it has been looked at.
import { anything, list, maybe, object, size, text, truth, word, type Check } from '../core/check.js'
import { Failure } from '../core/errors.js'
import type { CommandName } from './schema.js'

/** The answers that nbsvm reads. Of others it is used only that they came. */
export const answers = {
  'human-monitor-command': text,
  'query-balloon': object({ actual: size }),
  'query-status': object({ status: word }),
  'query-block': list(
    object({
      qdev: maybe(text),
      tray_open: maybe(truth),
      inserted: maybe(object({ 'node-name': maybe(text), file: text, image: object({ 'virtual-size': size }) })),
    }),
  ),
  'query-block-jobs': list(object({ device: text, offset: size, len: size, ready: truth, status: word, error: maybe(text) })),
  'query-blockstats': list(object({ stats: object({ rd_bytes: size, wr_bytes: size }) })),
  'query-migrate': object({
    status: maybe(word),
    ram: maybe(object({ total: size, remaining: size })),
    'error-desc': maybe(text),
  }),
  'query-kvm': object({ enabled: truth }),
  'query-memdev': list(object({ id: maybe(text) })),
  'query-chardev': list(object({ label: text, 'frontend-open': truth })),
  'query-named-block-nodes': list(
    object({
      'node-name': maybe(text),
      'dirty-bitmaps': maybe(list(object({ name: maybe(text), recording: truth, inconsistent: maybe(truth), count: size }))),
    }),
  ),
} as const satisfies { readonly [C in CommandName]?: Check<unknown> }

export type Answers = typeof answers

/** Looks at the answer to a command. Throws a Failure where it is not what is used of it. */
export function checkAnswer(command: CommandName, value: unknown): unknown {
  const check: Check<unknown> = (answers as { readonly [C in CommandName]?: Check<unknown> })[command] ?? anything
  try {
    return check(value, '')
  } catch (error) {
    throw new Failure(`QEMU's answer to ${command} is not one`, { cause: error })
  }
}
