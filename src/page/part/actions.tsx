// A VM's buttons, each with its line: shown below it, or in the bar at the foot of the page while it is pointed at.
import { useEffect, useRef, useState } from 'preact/hooks'
import type { WireVm } from '../../web/protocol.js'
import { cell, useCell } from '../link/cell.js'
import { jobs, lineOf, runLine } from '../link/run.js'
import { me } from '../link/watch.js'
import { verbButtons, type VerbButton } from '../pure/verbs.js'
import { Confirm } from './confirm.js'
import { Copy } from './copy.js'
import { Icon } from './icon.js'

/** The line of what is pointed at or has the focus. */
export const pointedAt = cell<string | undefined>(undefined)

export interface ActionsProps {
  readonly vm: Pick<WireVm, 'id' | 'state'>
  /** With its line below each. */
  readonly withLines?: boolean
}

export function Actions({ vm, withLines = false }: ActionsProps) {
  const { id, state } = vm
  const allowed = useCell(me, (who) => who?.actions)
  const isAtWork = useCell(jobs, (all) => all.some((job) => job.id === id && job.state === 'running'))
  const [asked, ask] = useState<VerbButton>()
  const bar = useKeptFocus()
  const shown = verbButtons.filter(
    ({ verb, when, isRare = false }) =>
      when.includes(state) && (withLines || !isRare) && allowed?.some(({ name }) => name === verb) === true,
  )
  return (
    <div class={withLines ? 'actions lined' : 'actions'} role="group" aria-label={`What to do with ${id}`} ref={bar}>
      {shown.map((button) => (
        <ActionButton
          key={button.verb}
          button={button}
          id={id}
          withLine={withLines}
          // What hangs can still be stopped.
          isOff={isAtWork && button.verb !== 'stop'}
          onPress={() => (button.warning === undefined ? void runLine([id, button.verb]) : ask(button))}
        />
      ))}
      {asked?.warning !== undefined && (
        <Confirm
          title={`${asked.label} ${id}?`}
          warning={asked.warning}
          label={asked.label}
          words={[id, asked.verb]}
          onClose={() => ask(undefined)}
        />
      )}
    </div>
  )
}

interface ButtonProps {
  readonly button: VerbButton
  readonly id: string
  readonly withLine: boolean
  readonly isOff: boolean
  readonly onPress: () => void
}

function leave(): void {
  pointedAt.set(undefined)
}

/** What a button has for its line to be shown while it is pointed at. */
export function pointing(line: string) {
  const point = (): void => pointedAt.set(line)
  return { onMouseEnter: point, onMouseLeave: leave, onFocus: point, onBlur: leave }
}

function ActionButton({ button: { verb, label, icon }, id, withLine, isOff, onPress }: ButtonProps) {
  const line = lineOf([id, verb])
  useEffect(() => leave, [])
  return (
    <span class="action">
      <button
        type="button"
        class={`verb ${verb}`}
        title={line}
        // Not disabled, which would take the focus away.
        aria-disabled={isOff}
        onClick={() => !isOff && onPress()}
        {...pointing(line)}
      >
        <Icon name={icon} />
        <span>{label}</span>
        <span class="unseen"> {id}</span>
      </button>
      {withLine && (
        <span class="stands-for">
          <code>{line}</code>
          <Copy text={line} what={line} />
        </span>
      )}
    </span>
  )
}

/** A button that is gone, as Start is once the VM runs, leaves the focus to its neighbour and not to nobody. */
function useKeptFocus() {
  const bar = useRef<HTMLDivElement>(null)
  const focused = useRef<Element | null>(null)
  useEffect(() => {
    const note = (): void => {
      focused.current = bar.current?.contains(document.activeElement) === true ? document.activeElement : null
    }
    document.addEventListener('focusin', note)
    return () => document.removeEventListener('focusin', note)
  }, [])
  useEffect(() => {
    if (focused.current?.isConnected !== false || document.activeElement !== document.body) return
    bar.current?.querySelector('button')?.focus()
  })
  return bar
}
