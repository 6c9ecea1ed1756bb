// A VM's socket and stdin and stdout, where stdin is no terminal: `echo uptime | nbsvm foo console`.
import { isTerminal } from '../sys/output.js'
import type { Socket } from '../sys/socket.js'
import type { Attachment } from './attach.js'
import { calming } from './calm.js'
import { awaitEnding, type Detached } from './ending.js'
import { createFilter } from './filter.js'
import { relay } from './session.js'

/** How long the guest may be silent, after all input was sent, before that counts as its whole answer. */
const silenceMs = 1000

/**
 * Sends stdin, prints what comes from now on, and ends when the VM does, when `signal` is aborted, when nobody reads
 * stdout any more, or when all of stdin is sent and the guest has then been silent for a second. Without any input
 * (`</dev/null`) it only listens, for as long as the VM runs. Bytes are not changed, Ctrl-] among them, unless stdout
 * is a terminal: then they are filtered.
 */
export async function throughPipes({ signal }: Pick<Attachment, 'signal'>, socket: Socket): Promise<Detached> {
  const filter = isTerminal(1) ? createFilter() : undefined
  const ending = awaitEnding(socket, signal)
  const silence = relay(socket, filter)
  const stopSending = sendInput(socket, ending.leave)
  const how = await ending.how
  stopSending()
  silence()
  socket.destroy()
  ending.forget()
  if (filter !== undefined) process.stdout.write(calming(filter.traces))
  return how
}

/** Sends stdin at the guest's pace. `onAnswered` is called when all is sent and the guest is silent. Returns what ends it. */
function sendInput(socket: Socket, onAnswered: () => void): () => void {
  const { stdin } = process
  let timer: NodeJS.Timeout | undefined
  let sentBytes = 0
  const wait = (): void => {
    clearTimeout(timer)
    timer = setTimeout(onAnswered, silenceMs)
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
    socket.on('data', wait)
    // An empty write is done when all before it is.
    socket.write('', wait)
  }
  stdin.on('data', pass).once('end', end).once('error', end)
  return () => {
    clearTimeout(timer)
    stdin.off('data', pass).off('end', end).off('error', end)
    socket.off('data', wait).off('drain', resume)
    stdin.destroy()
  }
}
