// A VM's socket and stdin and stdout, where stdin is no terminal: `echo uptime | nbsvm foo console`.
import { isTerminal, write } from '../sys/output.js'
import { standardInput } from '../sys/terminal.js'
import type { Socket } from '../sys/socket.js'
import { calming } from './calm.js'
import { awaitEnding, type Detached } from './ending.js'
import { createFilter } from './filter.js'
import type { Attachment, Inlet } from './inlet.js'
import { relay } from './relay.js'

/** How long the guest may be silent, after all input was sent, before that counts as its whole answer. */
const silenceMs = 1000

/**
 * Sends stdin, prints what comes from now on, and ends when the VM does, when `signal` is aborted, when nobody reads
 * stdout any more, or when all of stdin is sent and the guest has then been silent for a second. Without any input
 * (`</dev/null`) it only listens, for as long as the VM runs. Bytes are not changed, Ctrl-] among them, unless stdout
 * is a terminal: then they are filtered.
 */
export async function throughPipes({ signal }: Pick<Attachment, 'signal'>, inlet: Inlet): Promise<Detached> {
  const { socket } = inlet
  const filter = isTerminal(1) ? createFilter() : undefined
  const ending = awaitEnding(socket, signal)
  const sending = sendInput(socket, ending.leave)
  const silence = relay(inlet, { filter, lost: ending.leave, heard: sending.heard })
  const how = await ending.how
  sending.stop()
  silence()
  socket.destroy()
  ending.forget()
  if (filter !== undefined) write(1, calming(filter.traces))
  return how
}

interface Sending {
  /** To be called whenever the guest has said something. */
  readonly heard: () => void
  readonly stop: () => void
}

/** Sends stdin at the guest's pace. `onAnswered` is called when all is sent and the guest is silent. */
function sendInput(socket: Socket, onAnswered: () => void): Sending {
  const stdin = standardInput()
  let timer: NodeJS.Timeout | undefined
  let sentBytes = 0
  let isAllSent = false
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
