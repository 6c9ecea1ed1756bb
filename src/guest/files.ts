// Files of a guest, read and written through its agent, a piece at a time.
import { Failure } from '../core/errors.js'
import { inTurns, type Turn } from './agent.js'

/** Larger pieces are no faster, and cost memory in the guest. */
const pieceBytes = 1024 * 1024
const readAnswerBytes = Math.ceil((pieceBytes * 4) / 3) + 4096

/** A guest that writes to its disk may be slow. */
const silenceMs = 30_000

/**
 * Reads a file from its begin to its end: `take` gets each piece. Aborting `signal` ends that with its reason; the file is closed in
 * any case.
 */
export async function readGuestFile(
  turn: Turn,
  path: string,
  take: (piece: Buffer) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<void> {
  await withHandle(turn, path, 'r', async (handle) => {
    await inTurns(turn, async (agent) => {
      signal?.throwIfAborted()
      const limits = { maxBytes: readAnswerBytes, silenceMs }
      const { 'buf-b64': piece, eof } = await agent.ask('guest-file-read', { handle, count: pieceBytes }, limits)
      // An agent that gives nothing, and no end either, has none. Looked at before: whoever takes it may give it away.
      const isLast = eof || piece.length === 0
      await take(piece)
      return isLast ? 'done' : 'more'
    })
  })
}

/** Writes a file anew from pieces of any size. */
export async function writeGuestFile(turn: Turn, path: string, pieces: Iterable<Buffer>, signal?: AbortSignal): Promise<void> {
  await withHandle(turn, path, 'w', async (handle) => {
    const parts = inParts(pieces)
    await inTurns(turn, async (agent) => {
      signal?.throwIfAborted()
      const { value: part, done } = parts.next()
      if (done === true) return 'done'
      for (let rest = part; rest.length > 0;) {
        const args = { handle, 'buf-b64': rest.toString('base64') }
        const { count } = await agent.ask('guest-file-write', args, { silenceMs })
        if (count === 0 || count > rest.length) throw new Failure(`the guest took ${count} of ${rest.length} bytes for ${path}`)
        rest = rest.subarray(count)
      }
      return 'more'
    })
  })
}

/** Pieces that fit into one command. */
function* inParts(pieces: Iterable<Buffer>): Generator<Buffer> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += pieceBytes) yield piece.subarray(at, at + pieceBytes)
  }
}

async function withHandle(turn: Turn, path: string, mode: 'r' | 'w', work: (handle: number) => Promise<void>): Promise<void> {
  const handle = await turn((agent) => agent.ask('guest-file-open', { path, mode }))
  let failed = true
  try {
    await work(handle)
    failed = false
  } finally {
    const closing = turn((agent) => agent.ask('guest-file-close', { handle }), 'anyway')
    // What was written last may be refused here: the disk is full.
    await (failed ? closing.catch(() => {}) : closing)
  }
}
