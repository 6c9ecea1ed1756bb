// In place of screen or console of a VM that does not run: why, and what it said last.
import { printable } from '../../core/text.js'
import type { WireVm } from '../../web/protocol.js'
import { asText, useAsked } from '../link/asked.js'
import { State } from './state.js'

const lastLines = 24

export function Off({ vm }: { readonly vm: WireVm }) {
  // Where there is none the list will say why.
  const { answer = '' } = useAsked(`vms/${vm.id}/log`, asText, { about: vm })
  const text = printable(answer).trimEnd().split('\n').slice(-lastLines).join('\n')
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
