// Requests to the server: each with the key that the link's token was swapped for.
import type { Me, SessionAnswer, WireFailure } from '../../web/protocol.js'
import { readJson } from '../pure/plain.js'
import { base } from './place.js'

/** The server said no, or nothing at all. */
export class Refusal extends Error {
  /** The status of HTTP; 0 where the server could not be reached. */
  readonly status: number
  readonly hints: readonly string[]

  constructor(status: number, { message, hints }: Pick<WireFailure, 'message' | 'hints'>) {
    super(message)
    this.status = status
    this.hints = hints
  }
}

const keyName = `nbsvm-key:${base}`

const key = (): string => localStorage.getItem(keyName) ?? ''

/** What a WebSocket shows in place of a header. */
export function subprotocols(): string[] {
  return ['nbsvm', `key.${key()}`]
}

/** Sends a request below `api/`. Throws a Refusal for each answer but 2xx and 304, and the AbortError where `signal` was. */
export async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = { ...(options.headers as Record<string, string> | undefined), 'x-nbsvm-key': key() }
  const answer = await fetch(`${base}api/${path}`, { ...options, headers, redirect: 'error' }).catch((error: unknown) => {
    if (options.signal?.aborted === true) throw error
    throw new Refusal(0, { message: 'the server cannot be reached', hints: [] })
  })
  if (answer.ok || answer.status === 304) return answer
  const failure = await answer
    .text()
    .then((text) => readJson(text) as Partial<WireFailure>)
    .catch(() => undefined)
  throw new Refusal(answer.status, {
    message: failure?.message ?? `the server answered ${answer.status}`,
    hints: failure?.hints ?? [],
  })
}

async function askJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = await ask(path, signal === undefined ? {} : { signal })
  return readJson(await answer.text()) as T
}

export function post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  return ask(path, signal === undefined ? options : { ...options, signal })
}

/** So a token of a link looks: no view is called like that. */
const tokenShape = /^#[A-Za-z0-9_-]{20,}$/

/**
 * Uses up the link's token, where one is in the address bar, which is clean afterwards. Throws a Refusal where it is not good (any
 * more), unless this browser is in already.
 */
export async function enter(): Promise<void> {
  const { hash, pathname } = location
  if (!tokenShape.test(hash)) return
  history.replaceState(null, '', pathname)
  try {
    const answer = await post('session', { token: hash.slice(1) })
    localStorage.setItem(keyName, ((await answer.json()) as SessionAnswer).key)
  } catch (error) {
    if (key() === '') throw error
  }
}

export function whoAmI(): Promise<Me> {
  return askJson<Me>('me')
}
