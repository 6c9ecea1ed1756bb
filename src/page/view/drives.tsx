// A VM's drives: how large, how full, and what can be done with them.
import { useState } from 'preact/hooks'
import type { WireDrive, WireStatus, WireVm } from '../../web/protocol.js'
import { asJson, useAsked } from '../link/asked.js'
import { useCell } from '../link/cell.js'
import { jobs, lineOf, runLine } from '../link/run.js'
import { useViewOnly } from '../link/watch.js'
import { Confirm } from '../part/confirm.js'
import { Copy, Line } from '../part/copy.js'
import { Missing } from '../part/facts.js'
import { Icon } from '../part/icon.js'
import { size } from '../pure/words.js'

const everyMs = 5000

export function DrivesView({ vm }: { readonly vm: WireVm }) {
  const { id } = vm
  const ended = useCell(jobs, (all) => all.filter((job) => job.id === id && job.state !== 'running').length)
  const { answer, fault } = useAsked<WireStatus>(`vms/${id}`, asJson, { about: `${ended} ${vm.state}`, everyMs })
  const viewOnly = useViewOnly()
  return (
    <section class="paper" aria-label={`Drives of ${id}`}>
      <Missing fault={fault} />
      {answer?.drives.length === 0 && <p class="hint">It has no drives.</p>}
      <ul class="drives">
        {answer?.drives.map((drive) => (
          <DriveItem key={drive.name} id={id} drive={drive} canChange={!viewOnly} />
        ))}
      </ul>
      {!viewOnly && <NewDrive id={id} />}
    </section>
  )
}

function DriveItem({ id, drive, canChange }: { readonly id: string; readonly drive: WireDrive; readonly canChange: boolean }) {
  const { name, path, format, virtualBytes, allocatedBytes, health, fault } = drive
  const [isAsked, ask] = useState(false)
  const [more, setMore] = useState('')
  const number = name.slice(name.lastIndexOf('-') + 1)
  const removal = [id, 'rm-drive', number]
  const growth = [id, 'resize', `--drive=${number}`, more === '' ? '+10G' : more]
  return (
    <li>
      <h2>{name}</h2>
      <p class="sizes">
        {virtualBytes !== null && `${size(virtualBytes)}, ${size(allocatedBytes ?? 0)} of that on disk`}{' '}
        <span class="hint">{format}</span>
      </p>
      {virtualBytes !== null && allocatedBytes !== null && (
        <meter min={0} max={Math.max(virtualBytes, allocatedBytes)} value={allocatedBytes} aria-label={`How full ${name} is`} />
      )}
      <p class="path">
        <code>{path}</code> <Copy text={path} what="its path" />
      </p>
      {fault !== null && <p class="warning">broken: {fault}</p>}
      {health !== null && <p class={health.state === 'ok' ? 'hint' : 'warning'}>{[health.words, ...health.hints].join('; ')}</p>}
      {canChange && (
        <form
          class="row"
          onSubmit={(event) => {
            event.preventDefault()
            void runLine(growth)
          }}
        >
          <label>
            Make it larger by or to{' '}
            <input
              class="short"
              value={more}
              placeholder="+10G"
              onInput={({ currentTarget }) => setMore(currentTarget.value.trim())}
            />
          </label>
          <button type="submit" title={lineOf(growth)}>
            Resize
          </button>
          <button type="button" class="danger" title={lineOf(removal)} onClick={() => ask(true)}>
            Remove
          </button>
        </form>
      )}
      {isAsked && (
        <Confirm
          title={`Remove ${name}?`}
          warning="All that is on it is lost."
          label="Remove"
          words={removal}
          runs={[...removal, '--yes']}
          onClose={() => ask(false)}
        />
      )}
    </li>
  )
}

function NewDrive({ id }: { readonly id: string }) {
  const [wanted, setWanted] = useState('')
  const words = [id, ...(wanted === '' ? [] : [`drive_size=${wanted}`]), 'newimg']
  return (
    <form
      class="row new-drive"
      onSubmit={(event) => {
        event.preventDefault()
        void runLine(words)
      }}
    >
      <label>
        Another drive of{' '}
        <input
          class="short"
          value={wanted}
          placeholder="20G"
          onInput={({ currentTarget }) => setWanted(currentTarget.value.trim())}
        />
      </label>
      <button type="submit">
        <Icon name="plus" />
        <span>Make it</span>
      </button>
      <Line text={lineOf(words)} />
    </form>
  )
}
