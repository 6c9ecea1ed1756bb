// A large file, fetched so that what was fetched before is never fetched again, and never mixed with another file.
import path from 'node:path'
import type { Caller } from '../core/caller.js'
import { errorCode, Failure } from '../core/errors.js'
import { formatSize } from '../core/size.js'
import type { Digest } from '../model/imageref.js'
import { pause } from '../sys/clock.js'
import { freeBytes, lstat, remove, setMode, stat, writeInto } from '../sys/file.js'
import { hashFile, newHash, type Hash } from '../sys/hash.js'
import type { HttpAnswer } from '../sys/http.js'
import { readPlain } from '../sys/plain.js'
import { openSink, type Sink } from '../sys/sink.js'
import { fetchAnswer, networkFailure, Unreachable } from './fetch.js'
import type { PartNames } from './imagename.js'
import { parseContentRange, parseLength, strongEtag, type DecidedBy } from './transport.js'

/** Who waits for a download. */
export interface DownloadCaller extends Caller {
  /** Is told how far it is, in bytes; `Infinity` of all where the server does not say how much that is. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
  /** How long a server may be silent. */
  readonly silenceMs?: number
}

export interface WantedFile {
  readonly url: string
  /** What to compute of it. */
  readonly algorithm: Digest['algorithm']
  /** What tells in the end whether it is right. */
  readonly decidedBy: DecidedBy
}

export interface Downloaded {
  readonly file: string
  readonly digest: Digest
  /** Some of it came earlier than in this call. */
  readonly wasResumed: boolean
}

/** What a server said of a file, a part of which is here. */
interface PartFacts {
  readonly url: string
  /** What tells that it is this very file still: a strong ETag, or the time of its last change. */
  readonly validator?: string
  readonly totalBytes?: number
}

/** After so many failures in a row, without a byte between them, it is given up. */
const mostTries = 4

/** Larger than any image. */
const mostBytes = 256 * 2 ** 30

const largestFacts = 16 * 1024

/**
 * Downloads a file to `names.part` of a folder, whose lock the caller holds; goes on where an earlier download ended. Throws a
 * Failure, with what came kept, where it does not come to its end.
 */
export async function download(
  folder: string,
  names: PartNames,
  wanted: WantedFile,
  caller: DownloadCaller,
): Promise<Downloaded> {
  const part = path.join(folder, names.part)
  const facts = path.join(folder, names.facts)
  const state = await begin(part, facts, wanted, caller)
  const wasResumed = state.doneBytes > 0
  try {
    for (let failures = 0; !isWhole(state);) {
      const before = state.doneBytes
      try {
        await fetchMore(state, facts, wanted, caller)
        if (state.totalBytes === undefined) break
        if (!isWhole(state))
          throw new Unreachable(`${wanted.url} ended after ${formatSize(state.doneBytes)} of ${formatSize(state.totalBytes)}`)
      } catch (error) {
        caller.signal?.throwIfAborted()
        if (!(error instanceof Unreachable)) throw error
        failures = state.doneBytes > before ? 1 : failures + 1
        if (failures >= mostTries) throw giveUp(error, state, wanted)
        caller.note?.(`${error.message}; trying again`)
        await pause(1000 * 2 ** (failures - 1), caller.signal)
      }
    }
  } catch (error) {
    // What no next download could go on with is of no use.
    if (state.doneBytes === 0 || !canGoOn(state.validator, wanted)) removePart(folder, names)
    throw error
  } finally {
    state.sink.close()
  }
  return { file: part, digest: { algorithm: wanted.algorithm, hex: state.hash.hex() }, wasResumed }
}

/**
 * Whether the rest of a file can be told from the rest of another one: by its strong ETag; where the digest decides in the end, the
 * time of its last change will do.
 */
function canGoOn(validator: string | undefined, { decidedBy }: Pick<WantedFile, 'decidedBy'>): boolean {
  return validator !== undefined && (decidedBy === 'digest' || validator.startsWith('"'))
}

/** Removes what a download left. */
export function removePart(folder: string, { part, facts }: PartNames): void {
  remove(path.join(folder, part))
  remove(path.join(folder, facts))
}

interface State {
  readonly sink: Sink
  readonly folder: string
  hash: Hash
  doneBytes: number
  totalBytes: number | undefined
  validator: string | undefined
}

function isWhole({ doneBytes, totalBytes }: State): boolean {
  return doneBytes === totalBytes
}

async function begin(
  part: string,
  facts: string,
  { url, algorithm, decidedBy }: WantedFile,
  { signal }: DownloadCaller,
): Promise<State> {
  const known = readFacts(facts)
  const canResume = known?.url === url && canGoOn(known.validator, { decidedBy })
  if (lstat(part) !== undefined) setMode(part, 0o600)
  const sink = openSink(part)
  const hash = newHash(algorithm)
  let doneBytes = 0
  try {
    if (canResume) {
      doneBytes = stat(part)?.size ?? 0
      await hashFile(part, [hash], signal)
    } else {
      sink.truncate(0)
    }
  } catch (error) {
    sink.close()
    throw error
  }
  const { validator, totalBytes } = canResume ? known : {}
  const state: State = { sink, folder: path.dirname(part), hash, doneBytes, totalBytes, validator }
  if (totalBytes !== undefined && doneBytes > totalBytes) startOver(state, algorithm)
  return state
}

function startOver(state: State, algorithm: Digest['algorithm']): void {
  state.sink.truncate(0)
  state.hash = newHash(algorithm)
  state.doneBytes = 0
  state.totalBytes = undefined
  state.validator = undefined
}

/** One request, for what is missing. */
async function fetchMore(
  state: State,
  facts: string,
  { url, algorithm, decidedBy }: WantedFile,
  caller: DownloadCaller,
): Promise<void> {
  const { signal, silenceMs, onProgress } = caller
  const isRest = state.doneBytes > 0 && canGoOn(state.validator, { decidedBy })
  const headers = isRest ? { range: `bytes=${state.doneBytes}-`, 'if-range': state.validator ?? '' } : {}
  const answer = await fetchAnswer(url, { decidedBy, headers, signal, ...(silenceMs === undefined ? {} : { silenceMs }) })
  try {
    accept(answer, state, url, algorithm)
    // Cut short, it is no JSON: then the file is fetched from its start.
    writeInto(facts, JSON.stringify(factsOf(state, url)))
    const { totalBytes = Infinity } = state
    checkRoom(state)
    onProgress?.(state.doneBytes, totalBytes)
    for await (const piece of answer.body) {
      if (state.doneBytes + piece.length > Math.min(totalBytes, mostBytes)) {
        throw new Failure(`${url} sends more than the ${formatSize(Math.min(totalBytes, mostBytes))} that it may have`, {
          code: 'IMAGE_MISMATCH',
        })
      }
      state.sink.write(piece)
      state.hash.update(piece)
      state.doneBytes += piece.length
      onProgress?.(state.doneBytes, totalBytes)
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (errorCode(error) === 'ENOSPC' || errorCode(error) === 'EDQUOT') throw noRoom(state, error)
    throw networkFailure(new URL(url), error)
  } finally {
    answer.close()
  }
}

/** Decides by the head of an answer where its body belongs. */
function accept(answer: HttpAnswer, state: State, url: string, algorithm: Digest['algorithm']): void {
  if (answer.status === 206) {
    const range = parseContentRange(answer.header('content-range'))
    if (range !== undefined && range.start === state.doneBytes && range.total === (state.totalBytes ?? range.total)) {
      state.totalBytes = range.total
      return
    }
  }
  const wasPart = state.doneBytes > 0
  startOver(state, algorithm)
  // 416, or a 206 of something else: from its start again.
  if (answer.status !== 200) {
    if (wasPart) throw new Unreachable(`${url} has changed`)
    throw new Failure(`${url} answers ${answer.status} where all of it was asked for`, { code: 'IMAGE_UNREACHABLE' })
  }
  const totalBytes = parseLength(answer.header('content-length'))
  if (totalBytes !== undefined && totalBytes > mostBytes)
    throw new Failure(`${url} has ${formatSize(totalBytes)}, which no image has`, { code: 'IMAGE_MISMATCH' })
  state.totalBytes = totalBytes
  state.validator = strongEtag(answer.header('etag')) ?? answer.header('last-modified')?.slice(0, 100)
}

function checkRoom(state: State): void {
  if (state.totalBytes === undefined) return
  if (state.totalBytes - state.doneBytes > freeBytes(state.folder)) throw noRoom(state)
}

function noRoom({ folder, doneBytes, totalBytes }: State, cause?: unknown): Failure {
  const missing = totalBytes === undefined ? 'more' : `${formatSize(totalBytes - doneBytes)} more`
  return new Failure(`there is no room for ${missing} in ${folder}, where ${formatSize(freeBytes(folder))} are left`, {
    code: 'NO_SPACE',
    cause,
    hints: [
      'remove what no VM needs, and what came so far: nbsvm images prune',
      'keep images elsewhere: NBSVM_HOME=DIR, or a link',
    ],
  })
}

function giveUp(error: Unreachable, { doneBytes, validator }: State, wanted: WantedFile): Failure {
  const isOfUse = doneBytes > 0 && canGoOn(validator, wanted)
  const kept = isOfUse ? [`the ${formatSize(doneBytes)} that came are kept: the same line goes on from there`] : []
  return new Failure(error.message, { code: error.code, cause: error.cause, hints: [...error.hints, ...kept] })
}

function factsOf({ validator, totalBytes }: State, url: string): PartFacts {
  return { url, ...(validator === undefined ? {} : { validator }), ...(totalBytes === undefined ? {} : { totalBytes }) }
}

function readFacts(file: string): PartFacts | undefined {
  try {
    const facts = JSON.parse(readPlain(file, largestFacts)?.text ?? 'null') as Partial<PartFacts> | null
    const { url, validator, totalBytes } = facts ?? {}
    const isRight =
      typeof url === 'string' &&
      ['string', 'undefined'].includes(typeof validator) &&
      (totalBytes === undefined || Number.isSafeInteger(totalBytes))
    return isRight ? (facts as PartFacts) : undefined
  } catch {
    return undefined
  }
}
