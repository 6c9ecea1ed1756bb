// What a VM's console has said since power-on, as text.
import { useState } from 'preact/hooks'
import { printable } from '../../core/text.js'
import type { WireVm } from '../../web/protocol.js'
import { asText, useAsked } from '../link/asked.js'
import { Copy, Line } from '../part/copy.js'
import { Missing } from '../part/facts.js'

const everyMs = 3000

/** More makes a browser slow; the whole is on the command line. */
const mostLines = 5000

export function LogView({ vm: { id, state, sinceMs } }: { readonly vm: WireVm }) {
  const [wanted, setWanted] = useState('')
  const every = state === 'stopped' ? {} : { everyMs }
  const { answer, fault } = useAsked(`vms/${id}/log`, asText, { about: `${state} ${sinceMs}`, ...every })
  const lines = printable(answer ?? '')
    .trimEnd()
    .split('\n')
  const found = wanted === '' ? lines : lines.filter((line) => line.toLowerCase().includes(wanted.toLowerCase()))
  const shown = found.slice(-mostLines)
  return (
    <section class="paper log" aria-label={`Log of ${id}`}>
      <div class="tools">
        <Line text={`nbsvm ${id} log`} />
        <label class="filter">
          <span class="unseen">Only lines that hold</span>
          <input
            type="search"
            placeholder="Only lines that hold …"
            value={wanted}
            onInput={({ currentTarget }) => setWanted(currentTarget.value)}
          />
        </label>
        <span class="hint" role="status">
          {wanted === '' ? '' : `${found.length} of ${lines.length} lines`}
          {shown.length < found.length ? ` the last ${mostLines} are shown` : ''}
        </span>
        <span class="gap" />
        <span>
          All of it <Copy text={shown.join('\n')} what="the log" />
        </span>
      </div>
      <Missing fault={fault} />
      {answer === '' ? <p class="hint">It has said nothing.</p> : <pre tabIndex={0}>{shown.join('\n')}</pre>}
    </section>
  )
}
