// A client of NBD, the protocol by which qemu-nbd gives an image as its guest sees it; as much of it as a copy needs.
// https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
import { Failure } from '../core/errors.js'
import { Intake } from '../core/intake.js'
import { connect, type Socket } from '../sys/socket.js'

const magic = { greeting: 0x4e42444d41474943n, option: 0x49484156454f5054n, request: 0x25609513, reply: 0x67446698 } as const
const exportNameOption = 1
/** Fixed newstyle, no zeroes: both flags of the handshake. */
const handshakeFlags = 3
const commands = { read: 0, write: 1, disconnect: 2, flush: 3, zero: 6 } as const

/** What the server says with -EIO and its like, as errno(3). */
const noSpace = 28

interface Pending {
  /** How many bytes follow the answer. */
  readonly length: number
  readonly resolve: (bytes: Buffer) => void
  readonly reject: (error: unknown) => void
}

/** A connection to a server with one export, without a name. Several requests may be under way at once. */
export class Nbd {
  /** In bytes. */
  readonly sizeBytes: number
  readonly #socket: Socket
  readonly #input: Intake
  readonly #pending = new Map<bigint, Pending>()
  #last = 0n
  #fault: unknown

  private constructor(socket: Socket, input: Intake, sizeBytes: number) {
    this.#socket = socket
    this.#input = input
    this.sizeBytes = sizeBytes
    void this.#receive()
  }

  /** Rejects as soon as `signal` is aborted: a server that is just ending takes a connection, and greets nobody. */
  static async open(file: string, signal: AbortSignal): Promise<Nbd> {
    const socket = await connect(file)
    const stop = (): void => void socket.destroy()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      const input = new Intake(socket as AsyncIterable<Buffer>)
      const greeting = await takeFrom(input, 18)
      if (greeting.readBigUInt64BE(0) !== magic.greeting || greeting.readBigUInt64BE(8) !== magic.option)
        throw new Failure('it is no server of NBD')
      const wish = Buffer.alloc(20)
      wish.writeUInt32BE(handshakeFlags, 0)
      wish.writeBigUInt64BE(magic.option, 4)
      wish.writeUInt32BE(exportNameOption, 12)
      socket.write(wish)
      const answer = await takeFrom(input, 10)
      return new Nbd(socket, input, Number(answer.readBigUInt64BE(0)))
    } catch (error) {
      socket.destroy()
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#ask(commands.read, offset, length, undefined)
  }

  async write(offset: number, bytes: Buffer): Promise<void> {
    await this.#ask(commands.write, offset, bytes.length, bytes)
  }

  /** Makes a part read as zeros, at most 1 GiB of it. */
  async zero(offset: number, length: number): Promise<void> {
    await this.#ask(commands.zero, offset, length, undefined)
  }

  /** Resolves when all that was written is on the disk. */
  async flush(): Promise<void> {
    await this.#ask(commands.flush, 0, 0, undefined)
  }

  close(): void {
    this.#socket.end(requestHead(commands.disconnect, ++this.#last, 0, 0))
  }

  #ask(command: number, offset: number, length: number, bytes: Buffer | undefined): Promise<Buffer> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault)
    const handle = ++this.#last
    return new Promise((resolve, reject) => {
      this.#pending.set(handle, { length: command === commands.read ? length : 0, resolve, reject })
      this.#socket.write(requestHead(command, handle, offset, length))
      if (bytes !== undefined) this.#socket.write(bytes)
    })
  }

  async #receive(): Promise<void> {
    try {
      for (;;) {
        const head = await takeFrom(this.#input, 16)
        const handle = head.readBigUInt64BE(8)
        const pending = this.#pending.get(handle)
        if (head.readUInt32BE(0) !== magic.reply || pending === undefined) throw new Failure('its answer is none of NBD')
        const error = head.readUInt32BE(4)
        const bytes = error === 0 ? await takeFrom(this.#input, pending.length) : undefined
        this.#pending.delete(handle)
        if (bytes === undefined) pending.reject(new Failure(error === noSpace ? 'no space left' : `input/output error ${error}`))
        else pending.resolve(bytes)
      }
    } catch (error) {
      this.#fault = error
      for (const { reject } of this.#pending.values()) reject(error)
      this.#socket.destroy()
    }
  }
}

function requestHead(command: number, handle: bigint, offset: number, length: number): Buffer {
  const head = Buffer.alloc(28)
  head.writeUInt32BE(magic.request, 0)
  head.writeUInt16BE(command, 6)
  head.writeBigUInt64BE(handle, 8)
  head.writeBigUInt64BE(BigInt(offset), 16)
  head.writeUInt32BE(length, 24)
  return head
}

async function takeFrom(input: Intake, length: number): Promise<Buffer> {
  const bytes = await input.take(length).catch(() => undefined)
  if (bytes === undefined) throw new Failure('the server of the image has ended')
  return bytes
}
