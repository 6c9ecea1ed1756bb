// Stdout, written without ever waiting for whoever reads it.
import fs from 'node:fs'
import type * as net from 'node:net'
import { isTerminal, openAgain, stopWaiting, writeBytes, writeSome } from './output.js'

export interface Writer {
  /**
   * Writes what the reader takes now and keeps the rest, as a copy: the bytes may be overwritten afterwards. False when so much
   * is kept that no more should come before `onRoom`.
   */
  readonly write: (bytes: Buffer) => boolean
  /** Whether the reader has not taken all yet. */
  readonly isBusy: () => boolean
  /** Resolves when all is written, or the reader is gone. */
  readonly flushed: () => Promise<void>
  /** Drops what is kept, and takes nothing more. */
  readonly close: () => void
}

export interface WriterEvents {
  /** There is room again. */
  readonly onRoom: () => void
  /** Nothing can be written any more: the system's error tells why. Called once. */
  readonly onLost: (error: unknown) => void
}

/** So much is kept while the reader is busy, and given to the kernel in one piece. */
const keptBytes = 64 * 1024

/** Opens stdout for writing at its reader's pace, so that input and signals are served meanwhile. */
export function openWriter({ onRoom, onLost }: WriterEvents): Writer {
  const output = openOutput()
  const kept = createBuffer()
  let isSending = false
  let isOver = false
  let onFlushed: (() => void)[] = []

  const settle = (): void => {
    for (const resolve of onFlushed.splice(0)) resolve()
  }
  const over = (): void => {
    isOver = true
    kept.take()
    isSending = false
    settle()
  }
  const lose = (error: unknown): void => {
    if (isOver) return
    over()
    onLost(error)
  }
  const send = (): void => {
    isSending = true
    output.stream(lose).write(kept.take(), (error) => (error ? lose(error) : sent()))
  }
  const sent = (): void => {
    if (isOver) return
    const wasFull = kept.length() >= keptBytes
    isSending = false
    if (kept.length() > 0) send()
    else settle()
    if (wasFull) onRoom()
  }
  return {
    write: (bytes) => {
      if (isOver) return true
      try {
        const written = isSending ? 0 : output.write(bytes)
        if (written < bytes.length) kept.add(bytes.subarray(written))
        if (kept.length() > 0 && !isSending) send()
      } catch (error) {
        lose(error)
      }
      return kept.length() < keptBytes
    },
    isBusy: () => isSending,
    flushed: () => (isSending ? new Promise((resolve) => onFlushed.push(resolve)) : Promise.resolve()),
    close: () => {
      if (isSending && !isTerminal(1)) stopWaiting()
      over()
      output.close()
    },
  }
}

interface KeptBytes {
  readonly add: (bytes: Buffer) => void
  readonly length: () => number
  /** All of it, which stays as it is until the next is taken. */
  readonly take: () => Buffer
}

/** Two buffers: one is on its way while the other fills. */
function createBuffer(): KeptBytes {
  let filling = Buffer.allocUnsafe(keptBytes)
  let taken = Buffer.allocUnsafe(keptBytes)
  let length = 0
  return {
    add: (bytes) => {
      if (length + bytes.length > filling.length)
        filling = Buffer.concat([filling.subarray(0, length), bytes], 2 * (length + bytes.length))
      else bytes.copy(filling, length)
      length += bytes.length
    },
    length: () => length,
    take: () => {
      const all = filling.subarray(0, length)
      ;[filling, taken] = [taken, filling]
      length = 0
      return all
    },
  }
}

interface Output {
  /** Writes what is taken at once; says how many bytes that was. Throws the system's error. */
  write(bytes: Buffer): number
  /** The same as a stream, which waits for room. */
  stream(onError: (error: unknown) => void): net.Socket
  close(): void
}

/**
 * A terminal or a pipe is opened once more: not to wait is a property of the open file, and that of stdout is shared with the
 * user's shell. Where a terminal refuses (another user's, after su) it is waited for. What cannot be opened, a socket above all,
 * Node makes one that is not waited for, and undoes that at its end. Files take everything.
 */
function openOutput(): Output {
  const own = openAgain(1)
  const stats = fs.fstatSync(1)
  const needsStream = own === undefined && (stats.isSocket() || stats.isFIFO())
  let stream: net.Socket | undefined
  const write = (bytes: Buffer): number => {
    if (own !== undefined) return writeSome(own, bytes)
    if (needsStream) return 0
    writeBytes(1, bytes)
    return bytes.length
  }
  return {
    write,
    stream: (onError) => (stream ??= openStream(own ?? 1).on('error', onError)),
    close: () => {
      if (own === undefined) return
      const fd = handleOf(stream)?.fd
      stream?.destroy()
      // The stream of a terminal has one of its own.
      if (fd !== own) fs.closeSync(own)
    },
  }
}

function openStream(fd: number): net.Socket {
  if (fs.fstatSync(fd).isCharacterDevice()) {
    const stream: net.Socket = new (process.getBuiltinModule('node:tty').WriteStream)(fd)
    // Node makes it wait.
    handleOf(stream)?.setBlocking?.(false)
    return stream
  }
  return new (process.getBuiltinModule('node:net').Socket)({ fd, readable: false, writable: true })
}

interface Handle {
  readonly fd?: number
  setBlocking?(isBlocking: boolean): void
}

/** What a stream stands on, in Node. */
function handleOf(stream: net.Socket | undefined): Handle | undefined {
  return stream === undefined ? undefined : (Reflect.get(stream, '_handle') as Handle | undefined)
}
