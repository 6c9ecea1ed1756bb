/**
 * Calls `act` once after a while, or as soon as there is reason for hope: the network is back, the page is looked at again. Returns
 * what calls it off.
 */
export function later(afterMs: number, act: () => void): () => void {
  const cancel = (): void => {
    clearTimeout(timer)
    removeEventListener('online', now)
    document.removeEventListener('visibilitychange', ifSeen)
  }
  const now = (): void => {
    cancel()
    act()
  }
  const ifSeen = (): void => {
    if (!document.hidden) now()
  }
  const timer = setTimeout(now, afterMs)
  addEventListener('online', now)
  document.addEventListener('visibilitychange', ifSeen)
  return cancel
}
