// What a page asks for and gets: the same functions as behind the verbs, as JSON.
import type { Outside } from '../host/place.js'
import { asObject } from '../core/check.js'
import { Failure, UsageError } from '../core/errors.js'
import { isVmId } from '../core/name.js'
import { readBody, type HttpRequest, type HttpResponse } from '../sys/webserver.js'
import { consoleText } from '../vm/life/log.js'
import { explainVm } from '../vm/life/explain.js'
import { statusOf } from '../vm/life/status.js'
import { listImages } from '../vm/drive/images.js'
import { exists, noSuchVm } from '../vm/list/exists.js'
import { openVm, type Vm } from '../vm/record/vm.js'
import { wireFailure } from './failure.js'
import { checkLine, offeredSettings } from './line.js'
import type { TakePicture } from './pictures.js'
import type { Me, SessionAnswer, SessionRequest, WireExplanation, WireImage, WireSetting, WireStatus } from './protocol.js'
import { runFor, wordsIn, type RunLine } from './run.js'
import type { Sessions } from './session.js'

/** Who asks. */
export interface Visitor {
  readonly base: string
  readonly isOwn: boolean
  readonly isForeign: boolean
  /** Whether a session is known. */
  readonly isIn: boolean
}

export type Api = (parts: readonly string[], visitor: Visitor, request: HttpRequest, response: HttpResponse) => Promise<void>

interface Tools {
  readonly outside: Outside
  readonly me: Me
  readonly base: { readonly origin: string | undefined }
  readonly sessions: Sessions
  readonly cookieName: string
  readonly runLine: RunLine
  readonly takePicture: TakePicture
  /** Aborted when the server ends. */
  readonly signal: AbortSignal
  /** Takes what is being done, which the server waits for at its end; returns it. */
  readonly atWork: (work: Promise<void>) => Promise<void>
  /** Called when a line was done. */
  readonly onDone: () => void
}

const mostBody = 64 * 1024
/** So much of a log is a page's. */
const mostLog = 256 * 1024
/** At work at a time: lines, questions, and who comes in, of whom nothing is known yet. */
const most = { runs: 16, questions: 64, sessions: 16 } as const
/** A token is short, and there at once. */
const [mostToken, tokenMs] = [1024, 2000]

/** An answer that is no success. */
class Refusal extends Error {
  readonly status: number
  readonly failure: Failure

  constructor(status: number, failure: Failure) {
    super(failure.message)
    this.status = status
    this.failure = failure
  }
}

export function createApi(tools: Tools): Api {
  const busy = { runs: 0, questions: 0, sessions: 0 }
  return async (parts, visitor, request, response) => {
    const gone = new AbortController()
    response.once('close', () => gone.abort(new Failure('the page has gone')))
    const signal = AbortSignal.any([gone.signal, tools.signal])
    const isPost = request.method === 'POST'
    const kind = !isPost ? 'questions' : parts.join('/') === 'session' ? 'sessions' : 'runs'
    try {
      // Whoever is not known takes no place from those who are.
      checkVisitor(parts, visitor, request, tools)
      if (busy[kind] >= most[kind]) throw new Refusal(429, new Failure('too much at once'))
      busy[kind]++
      const exchange = { request, response, signal }
      const answered = isPost ? post(parts, visitor, exchange, tools) : get(parts, exchange, tools)
      await tools.atWork(answered).finally(() => busy[kind]--)
    } catch (error) {
      refuse(response, error)
    }
  }
}

/** Throws a Refusal for who may not ask this. */
function checkVisitor(
  parts: readonly string[],
  { isOwn, isForeign, isIn }: Visitor,
  { method, headers }: HttpRequest,
  { me }: Tools,
): void {
  const isPost = method === 'POST'
  if (!isPost && method !== 'GET') throw new Refusal(405, new UsageError(`there is no ${method}`))
  if (isForeign || (isPost && !isOwn)) throw new Refusal(403, new UsageError('this page is not ours'))
  // A form of another page cannot send this type.
  if (isPost && headers['content-type'] !== 'application/json') throw new Refusal(415, new UsageError('the request is not JSON'))
  if (isPost && parts.join('/') === 'session') return
  if (!isIn) {
    throw new Refusal(401, new Failure('the session is not known', { hints: ['get a new link: nbsvm web'] }))
  }
  if (isPost && me.viewOnly) throw new Refusal(403, new UsageError('this page is for looking only'))
}

interface Exchange {
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly signal: AbortSignal
}

async function post(parts: readonly string[], visitor: Visitor, exchange: Exchange, tools: Tools): Promise<void> {
  const { request, response, signal } = exchange
  const what = parts.join('/')
  if (what === 'session') return openSession(await readToken(request), visitor, response, tools)
  if (what !== 'run') throw notThere()
  const words = wordsIn(await readText(request, mostBody))
  response.setHeader('content-type', 'application/x-ndjson; charset=utf-8')
  // nginx would keep it until it is complete.
  response.setHeader('x-accel-buffering', 'no')
  try {
    await runFor(words, tools.runLine, {
      check: (line) => checkLine(line, tools.me.only ?? undefined),
      signal,
      send: (frame) => {
        // What is drawn over need not wait.
        if (frame.kind !== 'progress' || !response.writableNeedDrain) response.write(`${JSON.stringify(frame)}\n`)
      },
    })
  } finally {
    tools.onDone()
    response.end()
  }
}

async function readText(request: HttpRequest, mostBytes: number): Promise<string> {
  const body = await readBody(request, mostBytes)
  if (body === undefined) throw new Refusal(413, new UsageError(`the request is larger than ${mostBytes} bytes`))
  return body.toString('utf8')
}

async function readToken(request: HttpRequest): Promise<string> {
  const limit = setTimeout(() => request.destroy(), tokenMs)
  try {
    return tokenIn(await readText(request, mostToken))
  } finally {
    clearTimeout(limit)
  }
}

function openSession(
  token: string,
  { base }: Visitor,
  response: HttpResponse,
  { sessions, cookieName, base: { origin } }: Tools,
): void {
  const secrets = sessions.enter(token)
  if (secrets === undefined) {
    throw new Refusal(401, new Failure('this link was used already, or is too old', { hints: ['get a new one: nbsvm web'] }))
  }
  const attributes = [`Path=${base}`, 'HttpOnly', 'SameSite=Strict', ...(origin?.startsWith('https:') === true ? ['Secure'] : [])]
  response.setHeader('set-cookie', [`${cookieName}=${secrets.cookie}`, ...attributes].join('; '))
  answerJson(response, { key: secrets.key } satisfies SessionAnswer)
}

function tokenIn(body: string): SessionRequest['token'] {
  try {
    const token = asObject(JSON.parse(body))?.['token']
    return typeof token === 'string' ? token : ''
  } catch {
    return ''
  }
}

async function get(parts: readonly string[], { request, response, signal }: Exchange, tools: Tools): Promise<void> {
  const [what, id = '', more = '', ...others] = parts
  const { me, outside } = tools
  if (others.length > 0) throw notThere()
  if (id === '') {
    if (what === 'me') return answerJson(response, me)
    if (what === 'settings') return answerJson(response, offeredSettings() satisfies WireSetting[])
    if (what === 'images') {
      // A pool that cannot be asked hides no other image; the list of VMs tells of it.
      const images = await listImages(outside, () => {})
      // A page about one VM learns of no other.
      const withoutUsers = ({ kept }: (typeof images)[number]) => kept.map((one) => Object.assign(one, { usedBy: [] }))
      const shown = me.only === null ? images : images.map((one) => Object.assign(one, { kept: withoutUsers(one), pooled: [] }))
      return answerJson(response, shown satisfies readonly WireImage[])
    }
    throw notThere()
  }
  if (what !== 'vms' || !Object.hasOwn(questions, more)) throw notThere()
  const vm = await findVm(id, tools, more === 'explain')
  await questions[more]?.(vm, { request, response, signal }, tools)
}

/** What can be asked about a VM. */
const questions: Readonly<Record<string, (vm: Vm, exchange: Exchange, tools: Tools) => Promise<void>>> = {
  '': async (vm, { response, signal }) => answerJson(response, (await statusOf(vm, { signal })) satisfies WireStatus),
  explain: async (vm, { response, signal }) =>
    answerJson(response, (await explainVm(vm, [], { signal })) satisfies WireExplanation),
  log: async (vm, { response }) => {
    response.setHeader('content-type', 'text/plain; charset=utf-8')
    response.end(consoleText(vm, mostLog))
  },
  screen: async (vm, { request, response }, { takePicture }) => {
    const { png, tag } = await takePicture(vm)
    response.setHeader('etag', tag)
    if (request.headers['if-none-match'] === tag) response.writeHead(304).end()
    else response.setHeader('content-type', 'image/png').end(png)
  },
}

async function findVm(id: string, { outside, me }: Tools, isStrict: boolean): Promise<Vm> {
  if (!isVmId(id)) throw notThere()
  if (me.only !== null && me.only !== id) throw new Refusal(403, new UsageError(`this page is about ${me.only} alone`))
  // A mistake in a settings file keeps nobody from seeing what runs.
  const vm = await openVm(id, outside, isStrict ? undefined : () => {})
  if (!(await exists(vm))) throw new Refusal(404, await noSuchVm(vm, outside))
  return vm
}

function notThere(): Refusal {
  return new Refusal(404, new UsageError('there is no such thing'))
}

function answerJson(response: HttpResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.end(JSON.stringify(value))
}

function refuse(response: HttpResponse, error: unknown): void {
  if (response.headersSent) return void response.end()
  response.statusCode = error instanceof Refusal ? error.status : error instanceof UsageError ? 400 : 409
  if (!(error instanceof Refusal) || error.status !== 404) response.setHeader('connection', 'close')
  answerJson(response, wireFailure(error instanceof Refusal ? error.failure : error))
}
