// What `nbsvm VM explain` tells: each setting and where it comes from, and what `start` would run.
import { useState } from 'preact/hooks'
import { quoteWords } from '../../core/words.js'
import type { WireExplanation, WireVm } from '../../web/protocol.js'
import { asJson, useAsked } from '../link/asked.js'
import { Copy, Line } from '../part/copy.js'
import { Missing } from '../part/facts.js'

type Setting = WireExplanation['settings'][number]

export function SettingsView({ vm: { id, state } }: { readonly vm: WireVm }) {
  const { answer, fault } = useAsked<WireExplanation>(`vms/${id}/explain`, asJson, { about: state })
  const [withAll, setAll] = useState(false)
  const shown = answer?.settings.filter(({ origin }) => withAll || origin !== 'default') ?? []
  return (
    <section class="paper" aria-label={`Settings of ${id}`}>
      <div class="tools">
        <Line text={`nbsvm ${id} explain`} />
        <label class="check">
          <input type="checkbox" checked={withAll} onChange={({ currentTarget }) => setAll(currentTarget.checked)} /> also what is
          as by default
        </label>
      </div>
      <Missing fault={fault} />
      {answer !== undefined && (
        <>
          {shown.length === 0 ? <p class="hint">Nothing is set: all is as by default.</p> : <SettingTable settings={shown} />}
          {answer.notes.map((note) => (
            <p key={note} class="hint">
              {note}
            </p>
          ))}
          <h2>
            What start runs <Copy text={answer.commands.join('\n')} what="the commands" />
          </h2>
          <pre tabIndex={0} aria-label="What start runs">
            {answer.commands.join('\n')}
          </pre>
          {answer.seed.map(({ name, text }) => (
            <>
              <h2>What its guest is told: {name}</h2>
              <pre tabIndex={0}>{text}</pre>
            </>
          ))}
        </>
      )}
    </section>
  )
}

function SettingTable({ settings }: { readonly settings: readonly Setting[] }) {
  return (
    <table class="plain" role="table">
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">
            Setting
          </th>
          <th scope="col" role="columnheader">
            Value
          </th>
          <th scope="col" role="columnheader">
            From
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {settings.map((setting) => (
          <tr key={setting.name} role="row">
            <th scope="row" role="rowheader">
              {setting.name}
            </th>
            <td role="cell">{valueOf(setting)}</td>
            <td class="hint" role="cell">
              {setting.origin}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function valueOf({ value, default: usual }: Setting) {
  if (value === null) return <span class="hint">{usual}</span>
  return <code>{typeof value === 'string' ? value : quoteWords(value)}</code>
}
