// A VM's socket and stdin and stdout, where stdin is no terminal: `echo uptime | nbsvm foo console`.
import { isTerminal, write } from '../sys/output.js'
import type { Socket } from '../sys/socket.js'
import { standardInput } from '../sys/terminal.js'
import { createFilter } from './filter.js'
import { createLines } from './lines.js'
import { startRelay, type Attachment, type Connection, type End } from './relay.js'
import { resetSequence } from './screen.js'

/** How long the guest may be silent, after all input was sent, before that counts as its whole answer. */
const silenceMs = 1000

/**
 * Sends stdin, prints what comes from now on, and ends when the VM does, when `signal` is aborted, when nobody reads
 * stdout any more, or when all of stdin is sent and the guest has then been silent for a second. Without any input
 * (`</dev/null`) it only listens, for as long as the VM runs. Bytes are not changed, Ctrl-] among them, unless stdout
 * is a terminal: then they are filtered; what the monitor's line editor draws becomes lines.
 */
export async function throughPipes({ kind, signal }: Attachment, connection: Connection): Promise<End> {
  const { socket } = connection
  const output = outputFor(kind)
  const input = sendInput(socket, { isListening: () => !relay.isBehind(), onAnswered: () => relay.end('left') })
  const relay = startRelay(connection, { change: output.change, signal, onPiece: input.heard })
  try {
    return await relay.ended
  } finally {
    input.stop()
    relay.close()
    socket.destroy()
    output.end()
  }
}

interface Output {
  readonly change: (piece: Buffer) => Buffer
  /** Writes what is to come after all. */
  readonly end: () => void
}

function outputFor(kind: Attachment['kind']): Output {
  if (isTerminal(1)) {
    const filter = createFilter()
    return { change: filter.push, end: () => write(1, resetSequence(filter.traces)) }
  }
  if (kind === 'console') return { change: (piece) => piece, end: () => {} }
  const lines = createLines()
  return { change: lines.push, end: () => write(1, lines.rest().toString()) }
}

interface Input {
  /** To be called whenever the guest has said something. */
  readonly heard: () => void
  readonly stop: () => void
}

interface InputEvents {
  /** A guest that we do not listen to, because our own reader is slow, is not silent. */
  readonly isListening: () => boolean
  /** All is sent, and the guest has then been silent. */
  readonly onAnswered: () => void
}

/** Sends stdin at the guest's pace. */
function sendInput(socket: Socket, { isListening, onAnswered }: InputEvents): Input {
  const stdin = standardInput()
  let timer: NodeJS.Timeout | undefined
  let sentBytes = 0
  let isAllSent = false
  const wait = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => (isListening() ? onAnswered() : wait()), silenceMs)
  }
  const resume = (): void => {
    stdin.resume()
  }
  const pass = (bytes: Buffer): void => {
    sentBytes += bytes.length
    if (socket.write(bytes)) return
    stdin.pause()
    socket.once('drain', resume)
  }
  const end = (): void => {
    if (sentBytes === 0) return
    isAllSent = true
    // An empty write is done when all before it is.
    socket.write('', wait)
  }
  stdin.on('data', pass).once('end', end).once('error', end)
  return {
    heard: () => {
      if (isAllSent) wait()
    },
    stop: () => {
      clearTimeout(timer)
      stdin.off('data', pass).off('end', end).off('error', end)
      socket.off('drain', resume)
      stdin.destroy()
    },
  }
}
