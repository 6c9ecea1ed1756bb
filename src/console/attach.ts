import { Failure } from '../core/errors.js'
import { readText, writeInto } from '../sys/file.js'
import { tryLock } from '../sys/lock.js'
import { isTerminal } from '../sys/output.js'
import { connect, type Socket } from '../sys/socket.js'
import { rawTerminal } from '../sys/terminal.js'
import { createFilter, type Filter } from './filter.js'

/** Ctrl-] leaves, as in telnet. */
const leaveByte = 0x1d

export interface Attachment {
  /** The VM's id, for messages. */
  readonly id: string
  readonly kind: 'console' | 'monitor'
  readonly socketPath: string
  /** Locked by whoever is attached; says who it is. */
  readonly lockPath: string
  /** What was said before, to be shown first. */
  readonly before: string
  readonly note: (text: string) => void
  readonly signal: AbortSignal
}

/** How it ended: the user left, the VM is gone, or (without a terminal) all input was sent and answered. */
export type Detached = 'left' | 'gone'

/**
 * Joins this terminal, or stdin and stdout where there is none, to a VM's socket. Throws a Failure that tells who has it
 * when another is attached: QEMU serves one client a socket.
 */
export async function attach(attachment: Attachment): Promise<Detached> {
  const { id, kind, lockPath } = attachment
  const lock = tryLock(lockPath)
  if (lock === undefined) {
    const holder = readText(lockPath)?.trim() || 'another nbsvm'
    throw new Failure(`${id}'s ${kind} is attached already, by ${holder}`, { hints: ['leave it there with Ctrl-]'] })
  }
  try {
    writeInto(lockPath, `pid ${process.pid} since ${new Date().toLocaleString('sv')}\n`)
    const socket = await connect(attachment.socketPath)
    return await (isTerminal(0) ? onTerminal(attachment, socket) : throughPipes(attachment, socket))
  } finally {
    lock.release()
  }
}

async function onTerminal({ id, kind, before, note, signal }: Attachment, socket: Socket): Promise<Detached> {
  note(`${id}: ${kind}; Ctrl-] leaves`)
  const filter = createFilter()
  const shows = isTerminal(1)
  process.stdout.write(shows ? filter.push(Buffer.from(before)) : before)
  const end = await new Promise<Detached>((resolve) => {
    const terminal = rawTerminal((bytes) => {
      const leave = bytes.indexOf(leaveByte)
      const sent = leave === -1 ? bytes : bytes.subarray(0, leave)
      if (sent.length > 0) socket.write(sent)
      if (leave !== -1) finish('left')
    })
    const finish = (how: Detached): void => {
      socket.destroy()
      void terminal.restore().then(() => resolve(how))
    }
    relay(socket, shows ? filter : undefined)
    socket.once('close', () => finish('gone'))
    signal.addEventListener('abort', () => finish('left'), { once: true })
  })
  note(end === 'left' ? `\nleft ${id}` : `\n${id} has ended`)
  return end
}

/** Guest to stdout, at the pace of whoever reads that. */
function relay(socket: Socket, filter: Filter | undefined): void {
  socket.on('data', (chunk: Buffer) => {
    const text = filter === undefined ? chunk : filter.push(chunk)
    if (text.length > 0 && !process.stdout.write(text)) {
      socket.pause()
      process.stdout.once('drain', () => socket.resume())
    }
  })
}

/** How long the guest may be silent, after all input was sent, before a pipe's session ends. */
const silenceMs = 1000

/**
 * `echo uptime | nbsvm foo console`: sends stdin, prints what comes, ends when the VM does or when all is sent and the
 * guest has been silent for a second.
 */
function throughPipes({ signal }: Attachment, socket: Socket): Promise<Detached> {
  relay(socket, undefined)
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const wait = (): void => {
      clearTimeout(timer)
      timer = setTimeout(() => socket.destroy(), silenceMs)
    }
    process.stdin.on('data', (bytes: Buffer) => {
      if (!socket.write(bytes)) {
        process.stdin.pause()
        socket.once('drain', () => process.stdin.resume())
      }
    })
    process.stdin.on('end', () => {
      wait()
      socket.on('data', wait)
    })
    signal.addEventListener('abort', () => socket.destroy(), { once: true })
    socket.on('error', () => {})
    socket.once('close', () => {
      clearTimeout(timer)
      process.stdin.destroy()
      resolve(timer === undefined && !signal.aborted ? 'gone' : 'left')
    })
  })
}
