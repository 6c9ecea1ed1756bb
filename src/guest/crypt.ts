// Passwords as /etc/shadow keeps them: SHA-512 crypt, so that none stands in a seed.
// https://www.akkadia.org/drepper/SHA-crypt.txt, whose steps are numbered here
import { sha512 } from '../sys/crypto.js'

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const rounds = 5000

/** `$6$SALT$...` of a password; the salt is of 8 to 16 letters, digits, dots and slashes. */
export function sha512Crypt(password: string, salt: string): string {
  const key = Buffer.from(password)
  // 4 to 8
  const other = sha512(key, salt, key)
  // 1 to 3, 9 to 12
  const pieces: (Buffer | string)[] = [key, salt, cycle(other, key.length)]
  for (let length = key.length; length > 0; length >>= 1) pieces.push((length & 1) === 1 ? other : key)
  let digest = sha512(...pieces)
  // 13 to 20
  const keys = cycle(sha512(...Array.from({ length: key.length }, () => key)), key.length)
  const salts = cycle(sha512(...Array.from({ length: 16 + (digest[0] ?? 0) }, () => salt)), Buffer.byteLength(salt))
  // 21
  for (let round = 0; round < rounds; round++) {
    const isOdd = round % 2 === 1
    const [third, seventh] = [round % 3 === 0 ? '' : salts, round % 7 === 0 ? '' : keys]
    digest = sha512(isOdd ? keys : digest, third, seventh, isOdd ? digest : keys)
  }
  return `$6$${salt}$${encode(digest)}`
}

/** A salt from random bytes. */
export function saltOf(random: Buffer): string {
  return [...random].map((byte) => alphabet[byte & 63]).join('')
}

/** The bytes again and again, `length` of them. */
function cycle(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes)
}

/** 22: three bytes as four characters, from each third of the digest one, in turns. */
function encode(digest: Buffer): string {
  let text = ''
  for (let at = 0; at < 21; at++) {
    const three = [at, at + 21, at + 42]
    const [high = 0, middle = 0, low = 0] = [0, 1, 2].map((index) => digest[three[(index + at) % 3] ?? 0])
    text += characters((high << 16) | (middle << 8) | low, 4)
  }
  return text + characters(digest[63] ?? 0, 2)
}

/** A number's lowest bits, six a character, the lowest first. */
function characters(value: number, count: number): string {
  return Array.from({ length: count }, (_, index) => alphabet[(value >> (6 * index)) & 63]).join('')
}
