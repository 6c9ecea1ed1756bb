// Which requests are for us at all, by what their head says. Pure. A page of another site that is open in the same browser can send
// requests here, and have the name of its own server lead to this machine (DNS rebinding): its name is then in `Host`, and what it
// is in `Origin`, neither of which a page can choose. So both are compared with the few that are right, before anything else is done.

import type { Base } from './base.js'

/** Where the page is, as the browser sees it. */
export interface Gate {
  /** `/`, or `/prefix/` behind a reverse proxy. */
  readonly base: string
  /** Whether a request may name this host. */
  readonly knowsHost: (host: string | undefined) => boolean
  /** Whether a request that came to this host was sent by our own page. */
  readonly isOwn: (origin: string | undefined, host: string) => boolean
}

/** The loopback by name or number. At a unix socket the port is that of whatever leads to it, ssh above all. */
const throughSocket = /^(?:127\.0\.0\.1|localhost)(?::\d{1,5})?$/

/** `port` is undefined for a unix socket. */
export function gateOf({ port, base }: { readonly port: number | undefined; readonly base: Base }): Gate {
  const named = new Set(port === undefined ? [] : [`127.0.0.1:${port}`, `localhost:${port}`])
  const proxy = base.origin === undefined ? undefined : new URL(base.origin)
  const isLoopback = (host: string): boolean => (port === undefined ? throughSocket.test(host) : named.has(host))
  return {
    base: base.path,
    knowsHost: (host) => host !== undefined && (isLoopback(host) || host === proxy?.host),
    isOwn: (origin, host) => {
      if (origin === undefined) return false
      // A proxy may put this machine's name in place of its own.
      return origin === proxy?.origin || (isLoopback(host) && origin === `http://${host}`)
    },
  }
}

/** What a request asks for, below the base: the parts of its path, each a plain word, and its query; undefined for anything else. */
export interface Asked {
  readonly parts: readonly string[]
  readonly query: string
}

const longestPath = 500

/** Nothing is decoded and nothing resolved: what is not a plain word is nothing that we have. */
export function askedFor(target: string, base: string): Asked | undefined {
  if (target.length > longestPath) return undefined
  const [path = '', query = '', ...more] = target.split('?')
  if (more.length > 0 || !path.startsWith(base)) return undefined
  const parts = path.slice(base.length).split('/')
  if (parts.length === 1 && parts[0] === '') return { parts: [], query }
  return parts.every((part) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(part)) ? { parts, query } : undefined
}
