// Answers of the server to a view, asked for again while it is looked at.
import { useEffect, useState } from 'preact/hooks'
import { messageOf } from '../../core/errors.js'
import { readJson } from '../pure/plain.js'
import { ask } from './api.js'

export interface Asked<T> {
  readonly answer: T | undefined
  /** Why there is none, or none that is new. */
  readonly fault: string | undefined
}

/** What `read` makes of the answer to `path`: at once, whenever `about` is another, and every `everyMs` where that is given. */
export function useAsked<T>(
  path: string,
  read: (answer: Response) => Promise<T>,
  { about, everyMs }: { readonly about?: unknown; readonly everyMs?: number } = {},
): Asked<T> {
  const [asked, set] = useState<Asked<T>>({ answer: undefined, fault: undefined })
  useEffect(() => {
    const stop = new AbortController()
    const look = async (): Promise<void> => {
      if (document.hidden) return
      try {
        const answer = await read(await ask(path, { signal: stop.signal }))
        if (!stop.signal.aborted) set({ answer, fault: undefined })
      } catch (error) {
        if (!stop.signal.aborted) set(({ answer }) => ({ answer, fault: messageOf(error) }))
      }
    }
    void look()
    const seen = (): void => void look()
    document.addEventListener('visibilitychange', seen)
    const timer = everyMs === undefined ? undefined : setInterval(seen, everyMs)
    return () => {
      stop.abort()
      clearInterval(timer)
      document.removeEventListener('visibilitychange', seen)
    }
  }, [path, about])
  return asked
}

export function asText(answer: Response): Promise<string> {
  return answer.text()
}

export async function asJson<T>(answer: Response): Promise<T> {
  return readJson(await answer.text()) as T
}
