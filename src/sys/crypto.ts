// What OpenSSL does for us. node:crypto takes milliseconds to load, so it is loaded by those who need it.
import type * as crypto from 'node:crypto'

const load = (): typeof crypto => process.getBuiltinModule('node:crypto')

export function randomBytes(length: number): Buffer {
  return load().randomBytes(length)
}

/** A number from 0 up to, and without, `end`; all alike. */
export function randomBelow(end: number): number {
  return load().randomInt(end)
}

/** Compares without telling by its time where they differ. */
export function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && load().timingSafeEqual(one, other)
}

/**
 * DES of blocks of 8 bytes, each by itself, with a key of 8: for protocols that know nothing better. OpenSSL has only the triple
 * one left, which is the single one where all three keys are the same.
 */
export function encryptDes(key: Buffer, bytes: Buffer): Buffer {
  return load()
    .createCipheriv('des-ede3', Buffer.concat([key, key, key]), null)
    .setAutoPadding(false)
    .update(bytes)
}

/** A new ed25519 key: the 32 bytes that it is made from, and those of its public half. */
export function ed25519Pair(): { readonly seed: Buffer; readonly point: Buffer } {
  const { privateKey } = load().generateKeyPairSync('ed25519')
  const { d = '', x = '' } = privateKey.export({ format: 'jwk' })
  return { seed: Buffer.from(d, 'base64url'), point: Buffer.from(x, 'base64url') }
}

/** SHA-512 of the pieces one after the other. */
export function sha512(...pieces: readonly (Buffer | string)[]): Buffer {
  const hash = load().createHash('sha512')
  for (const piece of pieces) hash.update(piece)
  return hash.digest()
}
