// Written by `npm run catalogue`, which verifies what it writes. Without a pin, the vendor's list tells the digest when an image is fetched.
import type { Pin } from './entry.js'

/** When the catalogue was looked at last. */
export const catalogueDate = '2026-11-26'

/** By entry and processor: `debian-13/x86_64`. */
export const pins: Readonly<Record<string, Pin>> = {}
