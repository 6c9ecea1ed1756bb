// What may be fetched how, and what a server's answer means. Pure.
import { Failure } from '../core/errors.js'
import type { Environment } from '../sys/environment.js'

/** What tells in the end whether the right bytes came: `nothing` but who sent them. */
export type DecidedBy = 'digest' | 'signature' | 'nothing'

/** Throws a Failure for a URL by which anybody on the way could send something else, where nothing would tell. */
export function checkTransport(url: URL, decidedBy: DecidedBy): void {
  if (url.protocol === 'https:' || (url.protocol === 'http:' && (decidedBy !== 'nothing' || isLoopback(url)))) return
  if (url.protocol === 'http:') {
    throw new Failure(
      `${url.href}: over http anybody on the way could send something else, and no digest or signature would tell`,
      {
        hints: ['use https, or say what the file must be: #sha256:HEX'],
      },
    )
  }
  throw new Failure(`${url.href}: only http and https are known`)
}

export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
}

/** Where a redirection leads. Throws a Failure where it leaves TLS, or leads nowhere. */
export function redirected(from: URL, location: string | undefined, decidedBy: DecidedBy): URL {
  if (location === undefined || !URL.canParse(location, from.href))
    throw new Failure(`${from.href} redirects to nowhere`, { code: 'IMAGE_UNREACHABLE' })
  const to = new URL(location, from)
  if (from.protocol === 'https:' && to.protocol !== 'https:') {
    throw new Failure(`${from.href} redirects from https to ${to.href}, which is not followed`, {
      code: 'IMAGE_UNREACHABLE',
      hints: ['name another server that has it: mirror= in a file of yours, nbsvm help image'],
    })
  }
  checkTransport(to, decidedBy)
  to.hash = ''
  return to
}

/**
 * The proxy for a URL, as curl chooses it: `https_proxy`, `http_proxy` (only in small letters, for a CGI script's HTTP_PROXY is its
 * visitor's), `all_proxy`; none for what `no_proxy` names. Throws a Failure for one that is no HTTP proxy.
 */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const value = (name: string): string | undefined => environment[name] || environment[name.toUpperCase()] || undefined
  const scheme = url.protocol === 'https:' ? value('https_proxy') : environment['http_proxy'] || undefined
  const proxy = scheme ?? value('all_proxy')
  if (proxy === undefined || isExcepted(url, value('no_proxy') ?? '')) return undefined
  const text = proxy.includes('://') ? proxy : `http://${proxy}`
  const found = URL.canParse(text) ? new URL(text) : undefined
  if (found !== undefined && /^https?:$/.test(found.protocol) && found.hostname !== '') return found
  throw new Failure(`the proxy ${JSON.stringify(hidden(proxy))} is not an HTTP proxy`, {
    code: 'IMAGE_UNREACHABLE',
    hints: ['write it like https_proxy=http://HOST:PORT', `or leave it out for this host: no_proxy=${url.hostname}`],
  })
}

/** A proxy's password is for nobody's eyes. */
function hidden(proxy: string): string {
  return proxy.replace(/\/\/[^@/]*@/, '//...@')
}

/** `no_proxy`: names with all below them, addresses, each with a port or not; `*` for all. */
function isExcepted({ hostname, port }: URL, list: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true
      const [, name = entry, wantedPort] = /^(.*?)(?::(\d+))?$/.exec(entry.replace(/^\[([^\]]*)\]/, '$1')) ?? []
      if (wantedPort !== undefined && !entry.replace(/^\[/, '').startsWith('::') && wantedPort !== port) return false
      const plain = name.replace(/^\*?\./, '')
      return host === plain || host.endsWith(`.${plain}`)
    })
}

/** An ETag that stands for these very bytes; undefined for a weak one, or none. */
export function strongEtag(text: string | undefined): string | undefined {
  return text !== undefined && /^"[\x21\x23-\x7e]{1,200}"$/.test(text) ? text : undefined
}

/** `bytes 100-199/1000` */
export function parseContentRange(text: string | undefined): { readonly start: number; readonly total: number } | undefined {
  const [, start, end, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(text ?? '') ?? []
  if (start === undefined || Number(end) < Number(start) || Number(end) >= Number(total)) return undefined
  return { start: Number(start), total: Number(total) }
}

/** The length that an answer announces; undefined where it does not, or nonsense. */
export function parseLength(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
