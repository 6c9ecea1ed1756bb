const leastSeconds = 300

/** The seconds to name in a hint where waiting for `timeoutMs` was in vain. */
export function longerSeconds(timeoutMs: number): number {
  return Math.max(leastSeconds, Math.ceil((2 * timeoutMs) / 1000))
}
