// What is used of a guest agent's answers, and the proof that it is there: the guest wrote them.
import { anything, integer, list, maybe, object, size, text, truth, wrong, type Check } from '../core/check.js'
import { Failure } from '../core/errors.js'

/** Bytes in base64, a text or one that was left as it came. Length and alphabet are looked at, not only what can be made of it. */
export function base64(value: unknown, place: string): Buffer {
  const source = typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString('latin1') : wrong('text', place)
  const padding = source.endsWith('==') ? 2 : source.endsWith('=') ? 1 : 0
  const bytes = Buffer.from(source, 'base64')
  // The decoder leaves out what is not base64.
  return source.length % 4 === 0 && bytes.length === (source.length / 4) * 3 - padding ? bytes : wrong('base64', place)
}

function whole(value: unknown, place: string): number {
  return typeof value === 'number' && Number.isInteger(value) ? value : wrong('an integer', place)
}

/** The commands that nbsvm gives an agent, with what is used of each answer. */
export const agentAnswers = {
  'guest-exec': object({ pid: integer }),
  'guest-exec-status': object({
    exited: truth,
    exitcode: maybe(integer),
    signal: maybe(integer),
    'out-data': maybe(base64),
    'err-data': maybe(base64),
    'out-truncated': maybe(truth),
    'err-truncated': maybe(truth),
  }),
  'guest-file-open': integer,
  'guest-file-read': object({ count: size, 'buf-b64': base64, eof: truth }),
  'guest-file-write': object({ count: size }),
  'guest-file-close': anything,
  /** How many file systems stand still now, or go on. */
  'guest-fsfreeze-freeze': size,
  'guest-fsfreeze-thaw': size,
  'guest-get-host-name': object({ 'host-name': text }),
  'guest-get-osinfo': object({ id: maybe(text), 'pretty-name': maybe(text), name: maybe(text) }),
  /** Nanoseconds since 1970: more than a number holds exactly, by less than a microsecond. */
  'guest-get-time': whole,
  'guest-set-time': anything,
  'guest-network-get-interfaces': list(
    object({
      name: text,
      'hardware-address': maybe(text),
      'ip-addresses': maybe(list(object({ 'ip-address': text }))),
      statistics: maybe(object({ 'rx-bytes': size, 'tx-bytes': size })),
    }),
  ),
} as const satisfies Readonly<Record<string, Check<unknown>>>

export type AgentCommand = keyof typeof agentAnswers
export type AgentResult<C extends AgentCommand> = ReturnType<(typeof agentAnswers)[C]>

/** Looks at the answer to a command. Throws a Failure where it is not what is used of it. */
export function checkAgentAnswer<C extends AgentCommand>(command: C, value: unknown): AgentResult<C> {
  const check = agentAnswers[command] as Check<AgentResult<C>>
  try {
    return check(value, '')
  } catch (error) {
    throw new Failure(`the guest agent's answer to ${command} is not one`, { cause: error })
  }
}
