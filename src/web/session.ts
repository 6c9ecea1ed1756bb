// Who is in. A link has a token that is good for once; it is swapped for a session: a cookie, which no script can read, and a key, which
// the page keeps for itself. Both are needed: a cookie is sent to every port of this machine, and on one of them another user's server
// may listen. Both end with this process: once its port is free, another user's server may listen there, and is told them by each page
// that is still open.
import { isSame, randomBytes, sha512 } from '../sys/crypto.js'

export interface Secrets {
  readonly cookie: string
  readonly key: string
}

/** What is kept of one: digests. */
interface Session {
  readonly cookie: Buffer
  readonly key: Buffer
  /** When it was used last, in milliseconds since 1970. */
  readonly usedMs: number
}

export interface Sessions {
  /** Makes the token of a new link. */
  readonly newToken: () => string
  /** Swaps a token for a session; undefined for one that is unknown, was used or is too old. */
  readonly enter: (token: string) => Secrets | undefined
  /** Whether a request with these is of a session. */
  readonly knows: (secrets: Partial<Secrets>) => boolean
}

const secretBytes = 16
const mostTokens = 16
const mostSessions = 64
/** A link that nobody has opened by then is void, and so is a session that nobody used. */
const tokenMs = 60 * 60 * 1000
const sessionMs = 12 * 60 * 60 * 1000

export function createSessions(nowMs = Date.now): Sessions {
  const tokens = new Map<string, number>()
  const sessions: Session[] = []
  return {
    newToken: () => {
      const token = newSecret()
      tokens.set(nameOf(token), nowMs())
      for (const oldest of tokens.keys()) if (tokens.size > mostTokens) tokens.delete(oldest)
      return token
    },
    enter: (token) => {
      const name = nameOf(token)
      const madeMs = tokens.get(name)
      tokens.delete(name)
      if (madeMs === undefined || madeMs < nowMs() - tokenMs) return undefined
      const secrets = { cookie: newSecret(), key: newSecret() }
      sessions.push({ cookie: digest(secrets.cookie), key: digest(secrets.key), usedMs: nowMs() })
      if (sessions.length > mostSessions) sessions.shift()
      return secrets
    },
    knows: ({ cookie = '', key = '' }) => {
      const [cookieDigest, keyDigest] = [digest(cookie), digest(key)]
      const at = sessions.findIndex((one) => isSame(one.cookie, cookieDigest) && isSame(one.key, keyDigest))
      const found = sessions[at]
      if (found === undefined || found.usedMs < nowMs() - sessionMs) return false
      sessions[at] = { ...found, usedMs: nowMs() }
      return true
    },
  }
}

function newSecret(): string {
  return randomBytes(secretBytes).toString('base64url')
}

function digest(secret: string): Buffer {
  return sha512(secret)
}

function nameOf(token: string): string {
  return digest(token).toString('base64')
}

/** The value of a cookie in what a browser sends. */
export function cookieIn(header: string | undefined, name: string): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim().split('='))
  return pairs.find(([one]) => one === name)?.[1]
}

/** The key among the subprotocols that a WebSocket offers. */
export function keyIn(protocols: string | undefined): string | undefined {
  return /(?:^|,)\s*key\.([A-Za-z0-9_-]{1,100})\s*(?:,|$)/.exec(protocols ?? '')?.[1]
}
