// Written by `npm run catalogue`, which verifies what it writes. Without a pin, the vendor's list tells the digest when an image is fetched.
import type { Pin } from './entry.js'

/** By entry and processor: `debian-13/x86_64`. */
export const pins: Readonly<Record<string, Pin>> = {}
