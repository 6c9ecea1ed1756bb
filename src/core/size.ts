import { UsageError } from './errors.js'
import { quote } from './quote.js'

const units = ['', 'K', 'M', 'G', 'T', 'P']
const shape = /^(?<number>[0-9]+(?:\.[0-9]+)?)(?<unit>[KMGTP]?)(?:i?B)?$/i

/**
 * Reads a size such as `2G`, `1.5G`, `512M` or `512` (in `defaultUnit`) as bytes. Units are powers of 1024, as in QEMU.
 * Throws UsageError for anything else, for zero, and for what is no whole number of bytes.
 */
export function parseSize(text: string, defaultUnit: '' | 'M' | 'G' = ''): number {
  const groups = shape.exec(text.trim())?.groups
  const unit = groups?.['unit']?.toUpperCase() || defaultUnit
  const sizeBytes = Number(groups?.['number']) * 1024 ** units.indexOf(unit)
  if (groups === undefined || !Number.isSafeInteger(sizeBytes) || sizeBytes === 0) {
    throw new UsageError(`${quote(text)} is not a size: write it like 512M, 20G or 1.5T`)
  }
  return sizeBytes
}

/** Reads the size that something of `nowBytes` is to have: `40G`, or `+10G` for so much more. Throws UsageError as `parseSize` does. */
export function parseNewSize(text: string, nowBytes: number): number {
  return text.startsWith('+') ? nowBytes + parseSize(text.slice(1), 'G') : parseSize(text, 'G')
}

/** Writes bytes with at most one decimal and a unit: `20G`, `1.5G`, `196K`. */
export function formatSize(sizeBytes: number): string {
  let value = sizeBytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  const rounded = value < 10 ? Math.round(value * 10) / 10 : Math.round(value)
  return `${rounded}${units[unit] ?? ''}`
}
