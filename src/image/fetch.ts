// Asking a server for something, along its redirections.
import { errorCode, Failure, messageOf } from '../core/errors.js'
import { version } from '../core/version.js'
import { environment } from '../sys/environment.js'
import { readText } from '../sys/file.js'
import { httpGet, ProxyRefusal, Silence, type HttpAnswer } from '../sys/http.js'
import { checkTransport, proxyFor, redirected, type DecidedBy } from './transport.js'

export interface FetchOptions {
  readonly decidedBy: DecidedBy
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** How long nothing may come. */
  readonly silenceMs?: number
}

/** What a user waits for before taking a server for dead. */
const usualSilenceMs = 60_000

const mostRedirections = 10

/** A server could not be reached, broke off or is busy: it may work in a moment. */
export class Unreachable extends Failure {
  override readonly code = 'IMAGE_UNREACHABLE'
}

/** The server says that there is no such file. */
export class Gone extends Failure {
  override readonly code = 'IMAGE_UNREACHABLE'
}

/** Fetches the head of an answer. Throws a Failure that names the host and says what to do. */
export async function fetchAnswer(address: string, options: FetchOptions): Promise<HttpAnswer> {
  let url = new URL(address)
  checkTransport(url, options.decidedBy)
  for (let hops = 0; hops <= mostRedirections; hops++) {
    const answer = await ask(url, options)
    if (![301, 302, 303, 307, 308].includes(answer.status)) return checked(url, answer)
    answer.close()
    url = redirected(url, answer.header('location'), options.decidedBy)
  }
  throw new Failure(`${address} redirects more than ${mostRedirections} times`, { code: 'IMAGE_UNREACHABLE' })
}

async function ask(url: URL, { headers = {}, signal, silenceMs = usualSilenceMs }: FetchOptions): Promise<HttpAnswer> {
  try {
    return await httpGet({
      url,
      headers: { 'user-agent': `nbsvm/${version}`, ...headers },
      proxy: proxyFor(url, environment),
      certificates: url.protocol === 'https:' || environment['https_proxy'] ? certificates() : [],
      silenceMs,
      signal,
    })
  } catch (error) {
    signal?.throwIfAborted()
    throw networkFailure(url, error)
  }
}

/** Throws for an answer without what was asked for; 416 says something of a range, and is passed on. */
function checked(url: URL, answer: HttpAnswer): HttpAnswer {
  const { status } = answer
  if (status === 200 || status === 206 || status === 416) {
    const packed = answer.header('content-encoding') ?? 'identity'
    if (packed === 'identity') return answer
    answer.close()
    throw new Failure(`${url.href} comes packed as ${JSON.stringify(packed.slice(0, 20))}, which was not asked for`, {
      code: 'IMAGE_MISMATCH',
    })
  }
  answer.close()
  if (status === 404 || status === 410)
    throw new Gone(`${url.href} is not there (${status})`, { hints: ['is the address right? vendors remove old builds'] })
  if (status === 408 || status === 429 || status >= 500)
    throw new Unreachable(`${url.host} is busy or broken: it answers ${status} for ${url.href}`)
  if (status === proxyWantsName) throw wantsName()
  throw new Failure(`${url.host} does not give ${url.href}: it answers ${status}`, { code: 'IMAGE_UNREACHABLE' })
}

const proxyWantsName = 407

function wantsName(): Failure {
  return new Failure(`the proxy wants a name and a password`, {
    code: 'IMAGE_UNREACHABLE',
    hints: ['https_proxy=http://NAME:PASSWORD@HOST:PORT'],
  })
}

/** The certificates that the system and its user believe, besides those in Node. dist/nbsvm.cjs keeps NODE_EXTRA_CA_CERTS from Node. */
function certificates(): string[] {
  const named = ['NBSVM_CA', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'].map((name) => environment[name] ?? '')
  return [...new Set([...named, systemCertificates])].flatMap((file) => {
    if (file === '') return []
    try {
      return readText(file) ?? []
    } catch {
      return [] // where one is missing, the connection fails and says so
    }
  })
}

/** Debian, Arch and others have all in this file; where it is another, SSL_CERT_FILE names it. */
const systemCertificates = '/etc/ssl/certs/ca-certificates.crt'

/** What Node's words for it do not tell. */
const said: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection broke off',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what answers does not speak TLS',
}

/** The error that a user understands. */
export function networkFailure(url: URL, error: unknown): Failure {
  if (error instanceof Failure) return error
  const code = errorCode(error) ?? ''
  const proxy = proxyFor(url, environment)
  const by = proxy === undefined ? '' : ` through the proxy ${proxy.host}`
  if (error instanceof ProxyRefusal && error.status === proxyWantsName) return wantsName()
  if (error instanceof ProxyRefusal)
    return new Failure(error.message, { code: 'IMAGE_UNREACHABLE', hints: [`leave the proxy out: no_proxy=${url.hostname}`] })
  if (error instanceof Silence) return new Unreachable(`${url.host}${by}: ${error.message}`, { code: 'IMAGE_UNREACHABLE' })
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new Unreachable(`cannot find the address of ${(proxy ?? url).hostname}`, {
      hints: ['is this machine online?', 'through a proxy: https_proxy=http://HOST:PORT'],
    })
  }
  if (/CERT|SELF_SIGNED|ISSUER|SIGNATURE|TLS_ALTNAME/.test(code)) {
    return new Failure(`${url.host} shows a certificate that is not believed: ${messageOf(error)}`, {
      code: 'IMAGE_UNREACHABLE',
      hints: ['if your network has a certificate of its own: NODE_EXTRA_CA_CERTS=/path/to/it.pem'],
    })
  }
  return new Unreachable(`cannot fetch ${url.href}${by}: ${said[code] ?? (messageOf(error) || code)}`)
}

/** Fetches a small text. Throws a Failure for one that is larger than `mostBytes`. */
export async function fetchSmall(address: string, mostBytes: number, options: FetchOptions): Promise<Buffer> {
  const answer = await fetchAnswer(address, options)
  const pieces: Buffer[] = []
  let length = 0
  try {
    for await (const piece of answer.body) {
      length += piece.length
      if (length > mostBytes)
        throw new Failure(`${address} is larger than ${mostBytes / 1024}K, which no such file is`, { code: 'IMAGE_MISMATCH' })
      pieces.push(piece)
    }
  } catch (error) {
    options.signal?.throwIfAborted()
    throw networkFailure(new URL(address), error)
  } finally {
    answer.close()
  }
  return Buffer.concat(pieces)
}
