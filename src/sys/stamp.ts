// Names that are unique, and names that tell whether something is still the same.
import type * as crypto from 'node:crypto'
import fs from 'node:fs'
import { readHead } from './file.js'

/** Random hexadecimal digits, two for each byte. node:crypto would take milliseconds to load. */
export function randomHex(bytes: number): string {
  return (readHead('/dev/urandom', bytes) ?? Buffer.alloc(0)).toString('hex')
}

/** Tells a file's contents apart by what the file system keeps: another inode, size or time means another text. */
export function fileStamp(file: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = fs.statSync(file, { bigint: true })
  return [dev, ino, size, mtimeNs, ctimeNs].join('.')
}

/** Tells whether a file that nobody should write to is what it was; a further name of it changes nothing of that. */
export function contentStamp(file: string): string {
  const { ino, size, mtimeNs } = fs.statSync(file, { bigint: true })
  return [ino, size, mtimeNs].join('.')
}

/** The first 32 digits of a text's SHA-256: the same text gives the same name. */
export function hashHex(text: string): string {
  const { createHash }: typeof crypto = process.getBuiltinModule('node:crypto')
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
