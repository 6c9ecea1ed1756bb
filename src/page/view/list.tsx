// All VMs, one a line.
import { useEffect, useRef, useState } from 'preact/hooks'
import type { WireVm } from '../../web/protocol.js'
import { useCell } from '../link/cell.js'
import { vmUrl } from '../link/place.js'
import { faults, vms, useViewOnly } from '../link/watch.js'
import { Actions } from '../part/actions.js'
import { Line } from '../part/copy.js'
import { Icon } from '../part/icon.js'
import { Link } from '../part/link.js'
import { Picture } from '../part/picture.js'
import { ifChanged } from '../part/same.js'
import { State } from '../part/state.js'
import { forwardText, lookOf, size } from '../pure/words.js'

const kinds = ['all', 'on', 'off', 'trouble'] as const
type Kind = (typeof kinds)[number]

const isOf: Readonly<Record<Kind, (vm: WireVm) => boolean>> = {
  all: () => true,
  on: ({ state }) => state !== 'stopped' && state !== 'unknown',
  off: ({ state }) => state === 'stopped',
  trouble: (vm) => lookOf(vm) === 'trouble',
}

export function ListView() {
  const all = [...(useCell(vms) ?? new Map<string, WireVm>()).values()]
  const [text, setText] = useState('')
  const [kind, setKind] = useState<Kind>('all')
  const shown = all.filter((vm) => isOf[kind](vm) && vm.id.toLowerCase().includes(text.trim().toLowerCase()))
  return (
    <>
      <h1 class="unseen">VMs</h1>
      <Faults />
      <div class="tools">
        <Filter text={text} onText={setText} />
        <div class="kinds" role="group" aria-label="Which VMs are shown">
          {kinds.map((one) => (
            <button key={one} type="button" aria-pressed={kind === one} onClick={() => setKind(one)}>
              {one} <span class="count">{all.filter(isOf[one]).length}</span>
            </button>
          ))}
        </div>
      </div>
      {all.length === 0 ? <Empty /> : <Table shown={shown} />}
    </>
  )
}

/** A slash anywhere leads here, as in a pager. */
function Filter({ text, onText }: { readonly text: string; readonly onText: (text: string) => void }) {
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const slash = (event: KeyboardEvent): void => {
      const isElsewhere = event.target instanceof Element && event.target.closest('input, textarea, select, dialog') !== null
      if (event.key !== '/' || isElsewhere || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      input.current?.focus()
    }
    document.addEventListener('keydown', slash)
    return () => document.removeEventListener('keydown', slash)
  }, [])
  return (
    <label class="filter">
      <Icon name="search" />
      <span class="unseen">Filter by name</span>
      <input
        ref={input}
        type="search"
        placeholder="Filter by name  ( / )"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => onText(currentTarget.value)}
        onKeyDown={({ key }) => key === 'Escape' && onText('')}
      />
    </label>
  )
}

/** What may hide VMs from the list. */
function Faults() {
  const all = useCell(faults)
  if (all.length === 0) return null
  return (
    <div class="faults">
      {all.map(({ message, hints }) => (
        <p key={message}>
          {message} {hints.length > 0 && <code>{hints.join('; ')}</code>}
        </p>
      ))}
    </div>
  )
}

function Empty() {
  const viewOnly = useViewOnly()
  return (
    <div class="empty">
      <p>There are no VMs yet.{viewOnly ? '' : ' Make one here with New VM, or on the command line:'}</p>
      {!viewOnly && <Line text="nbsvm NAME image=debian newimg start ssh" />}
    </div>
  )
}

function Table({ shown }: { readonly shown: readonly WireVm[] }) {
  // The roles stay where a narrow page is laid out as cards.
  return (
    <table role="table">
      <thead role="rowgroup">
        <tr role="row">
          {['Screen', 'Name', 'State', 'Memory', 'Ports', 'Actions'].map((head) => (
            <th key={head} role="columnheader" scope="col" class={head.toLowerCase()}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {shown.map((vm) => (
          <Row key={vm.id} vm={vm} />
        ))}
        {shown.length === 0 && (
          <tr role="row">
            <td role="cell" colSpan={6} class="none">
              No VM is like that.
            </td>
          </tr>
        )}
      </tbody>
    </table>
  )
}

const Row = ifChanged(({ vm }: { readonly vm: WireVm }) => {
  const { id, state, memBytes, forwards, image, drives } = vm
  const runs = state === 'running' || state === 'paused'
  return (
    <tr role="row" class={state}>
      <td role="cell" class="screen">
        <Link href={vmUrl(id, 'screen')} tabIndex={-1} aria-hidden>
          <Picture id={id} runs={runs} />
        </Link>
      </td>
      <th role="rowheader" scope="row" class="name">
        <Link href={vmUrl(id)}>{id}</Link>
        <span class="from">{image === null ? driveCount(drives.length) : image}</span>
      </th>
      <td role="cell" class="state">
        <State vm={vm} />
      </td>
      <td role="cell" class="memory">
        {size(memBytes)}
      </td>
      <td role="cell" class="ports">
        {forwards.map((forward) => (
          <span key={forwardText(forward)}>{forwardText(forward)}</span>
        ))}
      </td>
      <td role="cell" class="actions">
        <Actions vm={vm} />
        <Link href={vmUrl(id, 'log')} class="verb log" title={`nbsvm ${id} log`}>
          <Icon name="log" />
          <span>Log</span>
          <span class="unseen"> of {id}</span>
        </Link>
      </td>
    </tr>
  )
})

function driveCount(count: number): string {
  if (count === 0) return 'no drive'
  return count === 1 ? '1 drive' : `${count} drives`
}
