// What a page that may only look says to a screen (RFC 6143, 7.5): what it wants to be shown, and nothing that a guest would feel.

/** Takes what a viewer sends, from its first byte on, and gives what may pass. Throws for what is no VNC. */
export type ViewFilter = (piece: Buffer) => Buffer

const versionBytes = 12

/** How long a message is, by its first bytes; undefined where more of it must be seen. What it may do is in `passing`. */
type Length = (bytes: Buffer) => number | undefined

const fixed =
  (length: number): Length =>
  () =>
    length

const counted =
  (head: number, count: (bytes: Buffer) => number, each: number): Length =>
  (bytes) =>
    bytes.length < head ? undefined : head + count(bytes) * each

/** The client's messages by their first byte: RFC 6143, 7.5, and https://github.com/rfbproto/rfbproto for the others. */
const messages: Readonly<Record<number, Length>> = {
  0: fixed(20), // SetPixelFormat
  2: counted(4, (bytes) => bytes.readUInt16BE(2), 4), // SetEncodings
  3: fixed(10), // FramebufferUpdateRequest
  4: fixed(8), // KeyEvent
  5: fixed(6), // PointerEvent
  // ClientCutText; a length below zero is one of the extended clipboard's.
  6: counted(8, (bytes) => Math.abs(bytes.readInt32BE(4)), 1),
  150: fixed(10), // EnableContinuousUpdates
  248: counted(9, (bytes) => bytes.readUInt8(8), 1), // ClientFence
  250: fixed(4), // xvp: would end the machine
  251: counted(8, (bytes) => bytes.readUInt8(6), 16), // SetDesktopSize
  255: (bytes) => (bytes.length < 2 ? undefined : bytes[1] === 0 ? 12 : bytes.length < 4 ? undefined : audio(bytes)), // QEMU's own
}

const passing = new Set([0, 2, 3, 150, 248])

function audio(bytes: Buffer): number {
  return bytes.readUInt16BE(2) === 2 ? 10 : 4
}

const mostBytes = 1024 * 1024

export function createViewFilter(): ViewFilter {
  let held = Buffer.alloc(0)
  let stage: 'version' | 'security' | 'init' | 'messages' = 'version'
  /** The next whole message at the begin of `held`, as it may pass; undefined where it is not whole yet. */
  const next = (): { readonly length: number; readonly out: Buffer } | undefined => {
    if (stage !== 'messages') return greet()
    const kind = held[0]
    if (kind === undefined) return undefined
    const length = messages[kind]
    if (length === undefined) throw new Error(`a message of the unknown kind ${kind}`)
    const bytes = length(held)
    if (bytes !== undefined && bytes > mostBytes) throw new Error(`a message of ${bytes} bytes`)
    if (bytes === undefined || held.length < bytes) return undefined
    return { length: bytes, out: passing.has(kind) ? held.subarray(0, bytes) : Buffer.alloc(0) }
  }
  const greet = () => {
    const length = stage === 'version' ? versionBytes : 1
    if (held.length < length) return undefined
    // Shared: nobody who works there is sent away.
    const out = stage === 'init' ? Buffer.of(1) : held.subarray(0, length)
    // Before 3.7 the server chooses how one comes in.
    const isOld = stage === 'version' && !/^RFB 003\.00[78]\n$/.test(out.toString('latin1'))
    if (isOld) throw new Error('a viewer older than VNC 3.7')
    stage = stage === 'version' ? 'security' : stage === 'security' ? 'init' : 'messages'
    return { length, out }
  }
  return (piece) => {
    held = Buffer.concat([held, piece])
    const out: Buffer[] = []
    for (let found = next(); found !== undefined; found = next()) {
      out.push(found.out)
      held = held.subarray(found.length)
    }
    return Buffer.concat(out)
  }
}
