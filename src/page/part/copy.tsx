import { useState } from 'preact/hooks'
import { announce } from './announce.js'
import { Icon } from './icon.js'

const shownMs = 1500

/** Copies a text. `what` names it for who cannot see what it stands beside. */
export function Copy({ text, what = 'this line' }: { readonly text: string; readonly what?: string }) {
  const [state, setState] = useState<'' | 'copied' | 'failed'>('')
  const copy = async (): Promise<void> => {
    const how = await navigator.clipboard.writeText(text).then(
      () => 'copied' as const,
      () => 'failed' as const,
    )
    setState(how)
    announce(how === 'copied' ? 'copied' : 'the browser does not let this page copy')
    setTimeout(() => setState(''), shownMs)
  }
  return (
    <button type="button" class="copy" aria-label={`Copy ${what}`} title={`Copy ${what}`} onClick={() => void copy()}>
      {state === '' ? <Icon name="copy" /> : state}
    </button>
  )
}

/** A line for a shell, with what copies it. */
export function Line({ text }: { readonly text: string }) {
  return (
    <span class="line">
      <code>{text}</code>
      <Copy text={text} />
    </span>
  )
}
