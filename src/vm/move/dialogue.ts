// The conversation with the nbsvm that a VM goes to.
import { orAborted } from '../../core/caller.js'
import { asObject, list, object, text, truth, wrong, type Check } from '../../core/check.js'
import { Failure } from '../../core/errors.js'
import type { Machine } from '../../remote/connection.js'
import { talkToHost } from '../../remote/talk.js'
import type { Talk } from '../../sys/talk.js'
import { pause } from '../../sys/clock.js'
import { wordsOf } from '../record/words.js'
import type { Answer } from './receive.js'
import { frameHead, type Word } from './wire.js'

/** What was asked may take so long there when it was given up: its QEMU is ended and its drives are removed. */
const undoneTimeoutMs = 20_000

export interface Partner {
  readonly machine: Machine
  /** What the VM is called there, and its class. */
  readonly name: string
  readonly class: string | undefined
}

export class Dialogue {
  readonly #talk: Talk
  readonly #host: string
  readonly #note: (text: string) => void
  readonly #words: readonly string[]
  #noted = 0

  private constructor(talk: Talk, host: string, words: readonly string[], note: (text: string) => void) {
    this.#words = words
    this.#talk = talk
    this.#host = host
    this.#note = note
  }

  static async open(
    partner: Partner,
    {
      note = () => {},
      signal,
    }: { readonly note?: ((text: string) => void) | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<Dialogue> {
    const { machine } = partner
    const words: string[] = []
    const onWords = (line: string): void => void (words.length < mostWords && words.push(line))
    const talk = await talkToHost(machine, [...wordsOf(partner), 'receive'], onWords, { signal })
    return new Dialogue(talk, machine.host, words, note)
  }

  write(bytes: Buffer | string): Promise<void> {
    return this.#talk.write(bytes)
  }

  say(word: Word): Promise<void> {
    return this.#talk.write(frameHead({ kind: 'word', word }))
  }

  tell(text: string): void {
    this.#note(text)
  }

  /** The next answer, which must be this one. Throws a Failure with the reason where the other side gives up, or is gone. */
  async expect<S extends Answer['say']>(say: S, signal?: AbortSignal): Promise<Extract<Answer, { say: S }>> {
    for (;;) {
      const line = await orAborted(this.#talk.line(), signal)
      if (line === undefined) throw await this.#gone()
      const answer = parseAnswer(line, this.#host)
      if (answer?.say === 'note') {
        if (this.#noted++ < mostWords) this.#note(`${this.#host}: ${answer.text}`)
      } else if (answer?.say === 'failed')
        throw new Failure(`${this.#host}: ${answer.why}`, { hints: answer.hints.slice(0, mostWords) })
      else if (answer?.say === say) return answer as Extract<Answer, { say: S }>
      // What a shell's start files print there is no answer.
      else if (answer !== undefined) throw new Failure(`${this.#host} says ${answer.say}, not ${say}`)
    }
  }

  async #gone(): Promise<Failure> {
    const status = await this.#talk.ended.catch(() => 255)
    if (this.#talk.saidTooMuch()) return new Failure(`${this.#host} says more than any nbsvm would`)
    const words = this.#words.join('\n')
    const hints =
      status === 2 || status === 127 ? [`the nbsvm there may be too old to take in VMs: nbsvm ${this.#host}: version`] : []
    if (status === 255)
      return new Failure(`the connection to ${this.#host} is lost${words === '' ? '' : `: ${words}`}`, {
        code: 'HOST_UNREACHABLE',
      })
    return new Failure(`the nbsvm of ${this.#host} has ended: ${words === '' ? `exit status ${status}` : words}`, {
      code: 'HOST_UNREACHABLE',
      hints,
    })
  }

  /** Nobody will ask for it again. */
  async farewell(): Promise<void> {
    await this.say('bye').catch(() => {})
    await this.close()
  }

  /** Ends it, and waits a while until what is half made there is undone. */
  async close(): Promise<void> {
    this.#talk.end()
    const over = new AbortController()
    const inTime = this.#talk.ended.then(
      () => true,
      () => true,
    )
    const late = pause(undoneTimeoutMs, over.signal).then(
      () => false,
      () => true,
    )
    if (!(await Promise.race([inTime, late]))) this.#talk.kill()
    over.abort()
  }
}

/** So many lines of what is complained of there are kept, and so many notes are told. */
const mostWords = 20

/** It stands in a folder of this machine too, and is removed there. */
const doorName: Check<string> = (value, place) =>
  /^[a-z]+-[0-9a-f]{8}$/.test(text(value, place)) ? text(value, place) : wrong('the name of a socket', place)

const doors = object({ ram: doorName, drives: doorName })
const answers: Readonly<Record<Answer['say'], (value: unknown, place: string) => object>> = {
  note: object({ text }),
  ready: object({ folder: text, doors: (value: unknown, place: string) => (value === null ? null : doors(value, place)) }),
  have: object({ tookFile: truth, standby: truth }),
  done: object({}),
  failed: object({ why: text, hints: list(text) }),
}

/** Undefined for what is none. Throws a Failure for one that is not right. */
function parseAnswer(line: string, host: string): Answer | undefined {
  const found = parseObject(line)
  const say = Object.keys(answers).find((name): name is Answer['say'] => name === found?.['say'])
  if (say === undefined) return undefined
  try {
    return { say, ...answers[say](found, '') } as Answer
  } catch (error) {
    throw new Failure(`${host} answers as no nbsvm does: ${say}`, { cause: error })
  }
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(line))
  } catch {
    return undefined
  }
}
