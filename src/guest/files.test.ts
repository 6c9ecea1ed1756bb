import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Agent } from './agent.js'
import { readGuestFile } from './files.js'

/** An agent whose file consists of these pieces; the last has the end with it, or an empty one comes. */
function agentOf(pieces: readonly Buffer[], saysEnd: boolean): Agent {
  let at = 0
  const answers: Readonly<Record<string, () => unknown>> = {
    'guest-file-open': () => 7,
    'guest-file-read': () => ({ 'buf-b64': pieces[at] ?? Buffer.alloc(0), eof: ++at === pieces.length && saysEnd }),
    'guest-file-close': () => ({}),
  }
  return { ask: async (command: string) => answers[command]?.(), tell: async () => {} } as unknown as Agent
}

for (const saysEnd of [true, false])
  test(`a file is read to its end by whoever gives each piece away, ${saysEnd ? 'with' : 'without'} a word about the end`, async () => {
    const agent = agentOf(
      [1, 2, 3].map((byte) => Buffer.from(new Uint8Array(100).fill(byte).buffer)),
      saysEnd,
    )
    const taken: Buffer[] = []
    await readGuestFile(
      (work) => work(agent),
      '/file',
      // As bytes go to another thread: nothing of them stays here.
      (piece) => void taken.push(Buffer.from(structuredClone(piece, { transfer: [piece.buffer as ArrayBuffer] }))),
    )
    assert.deepEqual(
      taken.filter(({ length }) => length > 0).map((piece) => [piece.length, piece[0]]),
      [
        [100, 1],
        [100, 2],
        [100, 3],
      ],
    )
  })
