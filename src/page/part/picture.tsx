// The live picture of a screen, asked for only while somebody can see it.
import { useEffect, useRef, useState } from 'preact/hooks'
import { ask, Refusal } from '../link/api.js'
import { Icon } from './icon.js'

const everyMs = 2000

export function Picture({ id, runs }: { readonly id: string; readonly runs: boolean }) {
  const frame = useRef<HTMLDivElement>(null)
  const [url, setUrl] = useState<string>()
  useEffect(() => (runs && frame.current !== null ? follow(id, frame.current, setUrl) : undefined), [id, runs])
  return (
    <div class="picture" ref={frame}>
      {runs && url !== undefined ? <img src={url} alt={`Screen of ${id}`} /> : <Icon name="screen" />}
    </div>
  )
}

/** Shows one picture after another while the element is in sight. */
function follow(id: string, element: HTMLElement, show: (url: string | undefined) => void): () => void {
  const stop = new AbortController()
  let isSeen = false
  let isAsking = false
  let etag = ''
  let url: string | undefined
  const change = (next: string | undefined): void => {
    if (url !== undefined) URL.revokeObjectURL(url)
    url = next
    show(next)
  }
  const look = async (): Promise<void> => {
    if (!isSeen || isAsking || document.hidden) return
    isAsking = true
    try {
      const headers = etag === '' ? {} : { 'if-none-match': etag }
      const answer = await ask(`vms/${id}/screen`, { headers, signal: stop.signal })
      if (answer.status === 200) {
        etag = answer.headers.get('etag') ?? ''
        const picture = await answer.blob()
        if (!stop.signal.aborted) change(URL.createObjectURL(picture))
      }
    } catch (error) {
      // It has no screen. Of all else the list tells, and the next try may see it.
      if (error instanceof Refusal && error.status === 409) change(undefined)
    }
    isAsking = false
  }
  const eyes = new IntersectionObserver((entries) => {
    isSeen = entries.at(-1)?.isIntersecting === true
    void look()
  })
  eyes.observe(element)
  const timer = setInterval(() => void look(), everyMs)
  return () => {
    stop.abort()
    eyes.disconnect()
    clearInterval(timer)
    change(undefined)
  }
}
