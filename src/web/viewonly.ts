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

/** What is done with the next message: its length, and whether it passes; undefined where more of it must be seen. */
type Verdict = { readonly length: number; readonly passes: boolean } | undefined

export function createViewFilter(): ViewFilter {
  let stage: 'version' | 'security' | 'init' | 'messages' = 'version'
  // In pieces as they came: put together for each they would be copied again and again.
  let held: Buffer[] = []
  let heldBytes = 0
  /** So many bytes must be there before it is worth to look. */
  let wanted = 1
  /** Of a message that does not pass, so many bytes are still to come. */
  let left = 0

  const judge = (bytes: Buffer): Verdict => {
    if (stage !== 'messages') return { length: stage === 'version' ? versionBytes : 1, passes: true }
    const length = messages[bytes[0] ?? 0]
    if (length === undefined) throw new Error(`a message of the unknown kind ${bytes[0]}`)
    const count = length(bytes)
    if (count !== undefined && count > mostBytes) throw new Error(`a message of ${count} bytes`)
    return count === undefined ? undefined : { length: count, passes: passing.has(bytes[0] ?? 0) }
  }
  /** The message as it may pass. */
  const passed = (bytes: Buffer): Buffer => {
    if (stage === 'messages') return bytes
    // Before 3.7 the server chooses how one comes in.
    const isOld = stage === 'version' && !/^RFB 003\.00[78]\n$/.test(bytes.toString('latin1'))
    if (isOld) throw new Error('a viewer older than VNC 3.7')
    // Shared: nobody who works there is sent away.
    const out = stage === 'init' ? Buffer.of(1) : bytes
    stage = stage === 'version' ? 'security' : stage === 'security' ? 'init' : 'messages'
    return out
  }
  return (piece) => {
    const rest = piece.subarray(left)
    left -= piece.length - rest.length
    held.push(rest)
    heldBytes += rest.length
    if (heldBytes < wanted) return Buffer.alloc(0)
    let bytes = Buffer.concat(held)
    const out: Buffer[] = []
    wanted = 1
    while (bytes.length > 0) {
      const verdict = judge(bytes)
      if (verdict === undefined) wanted = bytes.length + 1
      else if (verdict.passes && verdict.length > bytes.length) wanted = verdict.length
      else {
        if (verdict.passes) out.push(passed(bytes.subarray(0, verdict.length)))
        left = Math.max(0, verdict.length - bytes.length)
        bytes = bytes.subarray(verdict.length)
        continue
      }
      break
    }
    held = [bytes]
    heldBytes = bytes.length
    return Buffer.concat(out)
  }
}
