// Who has the console, and what can be done about it.
import type { ConsoleHow } from '../../web/protocol.js'
import { useViewOnly } from '../link/watch.js'
import type { SerialState } from '../link/serial.js'

interface Props {
  readonly state: SerialState
  readonly id: string
  readonly onHow: (how: ConsoleHow) => void
}

export function SerialWords({ state, id, onHow }: Props) {
  const viewOnly = useViewOnly()
  return (
    <span class={`link-state ${state.kind}`} role="status">
      <span>{words(state)}</span>
      {state.kind === 'busy' && (
        <>
          {state.canForce && (
            <button type="button" class="danger" onClick={() => onHow('force')}>
              Take it
            </button>
          )}
          <button type="button" onClick={() => onHow('follow')}>
            Only look
          </button>
        </>
      )}
      {state.kind === 'there' && state.how === 'follow' && !viewOnly && (
        <button type="button" onClick={() => onHow('attach')}>
          Attach<span class="unseen"> to the console of {id}</span>
        </button>
      )}
    </span>
  )
}

function words(state: SerialState): string {
  switch (state.kind) {
    case 'connecting':
      return 'connecting …'
    case 'busy':
      return [state.error.message, ...state.error.hints].join('; ')
    case 'lost':
      return `${state.words}; trying again …`
    case 'ended':
      return state.words
    case 'there':
      if (!state.isLive) return 'reading what it said …'
      if (state.how === 'follow') return 'looking only'
      return state.pages > 1 ? `attached, with ${state.pages - 1} other ${state.pages === 2 ? 'page' : 'pages'}` : 'attached'
  }
}
