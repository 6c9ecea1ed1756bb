// In place of screen or console of a VM that does not run: why, and what it said last.
import { useEffect, useState } from 'preact/hooks'
import { printable } from '../../core/text.js'
import type { WireVm } from '../../web/protocol.js'
import { ask } from '../link/api.js'
import { State } from './state.js'

const lastLines = 24

export function Off({ vm }: { readonly vm: WireVm }) {
  const [text, setText] = useState('')
  useEffect(() => {
    const stop = new AbortController()
    ask(`vms/${vm.id}/log`, { signal: stop.signal })
      .then((answer) => answer.text())
      .then((log) => setText(printable(log).trimEnd().split('\n').slice(-lastLines).join('\n')))
      // It has none, or the list will say.
      .catch(() => {})
    return () => stop.abort()
  }, [vm])
  return (
    <div class="last-words">
      <p>
        <State vm={vm} />
      </p>
      {text !== '' && (
        <figure>
          <figcaption>What it said last on its console</figcaption>
          <pre tabIndex={0}>{text}</pre>
        </figure>
      )}
    </div>
  )
}
