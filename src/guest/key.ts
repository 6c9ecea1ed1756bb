// ed25519 keys as OpenSSH writes them, so that a seed needs no program of the host's.
// https://cvsweb.openbsd.org/src/usr.bin/ssh/PROTOCOL.key, https://www.rfc-editor.org/rfc/rfc8709
import { ed25519Pair } from '../sys/crypto.js'
import { randomHex } from '../sys/stamp.js'

const type = 'ssh-ed25519'

/** A key for ssh, each half as its file holds it, a line's end at the end. */
export interface KeyPair {
  readonly secret: string
  /** `ssh-ed25519 AAAA... comment` */
  readonly public: string
}

/** Makes a new key. The comment, one line, is for people who meet the key later. */
export function makeKey(comment: string): KeyPair {
  const { seed, point } = ed25519Pair()
  const publicBlob = Buffer.concat([string(type), string(point)])
  const check = Buffer.from(randomHex(4), 'hex')
  const unpadded = Buffer.concat([check, check, publicBlob, string(Buffer.concat([seed, point])), string(comment)])
  // The cipher `none` has blocks of 8; the padding counts up from 1.
  const padding = Buffer.from(Array.from({ length: (8 - (unpadded.length % 8)) % 8 }, (_, index) => index + 1))
  const none = string('none')
  const blob = Buffer.concat([
    Buffer.from('openssh-key-v1\u0000'),
    none,
    none,
    string(''),
    number(1),
    string(publicBlob),
    string(Buffer.concat([unpadded, padding])),
  ])
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? []
  return {
    secret: ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n'),
    public: `${type} ${publicBlob.toString('base64')} ${comment}\n`,
  }
}

/** A length in four bytes, then the bytes: https://www.rfc-editor.org/rfc/rfc4251#section-5 */
function string(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([number(bytes.length), bytes])
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** The kinds of keys that OpenSSH writes, before the key itself. */
const publicLine =
  /^(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp\d+|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]+=*(?: .*)?$/

/** Whether a line is the public half of a key: kind, base64, comment. */
export function isPublicKey(line: string): boolean {
  return publicLine.test(line) && !/\p{Cc}/u.test(line)
}
