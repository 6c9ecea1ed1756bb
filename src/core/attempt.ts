/** Does what nothing depends on. */
export function attempt(work: () => void): void {
  try {
    work()
  } catch {
    // as good as not there
  }
}
