// A VM's screen, its keyboard, and what is pasted.
import { useEffect, useRef, useState } from 'preact/hooks'
import type { WireVm } from '../../web/protocol.js'
import { fits, showScreen, type Fit, type Screen, type ScreenState } from '../link/vnc.js'
import { useViewOnly } from '../link/watch.js'
import { Icon } from '../part/icon.js'
import { OwnWindow } from '../part/ownwindow.js'
import { Off } from '../part/off.js'
import { KeyMenu } from '../part/keymenu.js'
import { Paste } from '../part/paste.js'

export function ScreenView({ vm }: { readonly vm: WireVm }) {
  const runs = vm.state !== 'stopped'
  return runs ? <Live vm={vm} /> : <Off vm={vm} />
}

function Live({ vm: { id, state } }: { readonly vm: WireVm }) {
  const viewOnly = useViewOnly()
  const [fit, setFit] = useState<Fit>('fit')
  const [isPasting, setPasting] = useState(false)
  const [clipboard, setClipboard] = useState('')
  const whole = useRef<HTMLElement>(null)
  const leave = useRef<HTMLButtonElement>(null)
  const { stage, screen, how } = useScreen(id, viewOnly, fit, setClipboard)
  useEffect(() => screen.current?.setFit(fit), [fit])
  return (
    <section class="stage-view" aria-label={`Screen of ${id}`} ref={whole}>
      <div class="tools">
        <label>
          <span class="unseen">Size of the screen</span>
          <select value={fit} onChange={({ currentTarget }) => setFit(fits.find((one) => one === currentTarget.value) ?? 'fit')}>
            {fits.map((one) => (
              <option key={one} disabled={one === 'guest follows' && viewOnly}>
                {one}
              </option>
            ))}
          </select>
        </label>
        {!viewOnly && (
          <>
            <KeyMenu id={id} />
            <button type="button" onClick={() => setPasting(true)}>
              <Icon name="paste" />
              <span>Paste</span>
            </button>
          </>
        )}
        <button type="button" ref={leave} onClick={() => void fullScreen(whole.current, screen.current)}>
          <Icon name="full" />
          <span>Full screen</span>
        </button>
        <OwnWindow id={id} view="screen-alone" />
        <span class="gap" />
        <span class={`link-state ${how.kind}`} role="status">
          {stateWords(how, state)}
        </span>
      </div>
      <div
        class={`stage ${fit === 'fit' ? 'fitted' : ''} ${how.kind}`}
        ref={stage}
        // Before noVNC sees it: else nobody without a mouse would ever get out of the screen.
        onKeyDownCapture={(event) => {
          if (!(event.ctrlKey && event.altKey && event.code === 'KeyG')) return
          event.preventDefault()
          event.stopPropagation()
          screen.current?.blur()
          leave.current?.focus()
        }}
      />
      {!viewOnly && (
        <p class="hint below">Keys go to the guest while its screen has the focus. Ctrl-Alt-G gives the focus back.</p>
      )}
      {isPasting && (
        <Paste
          id={id}
          clipboard={clipboard}
          onGive={(text) => screen.current?.giveClipboard(text)}
          onClose={() => setPasting(false)}
        />
      )}
    </section>
  )
}

function useScreen(id: string, viewOnly: boolean, fit: Fit, onClipboard: (text: string) => void) {
  const stage = useRef<HTMLDivElement>(null)
  const screen = useRef<Screen | undefined>(undefined)
  const [how, setHow] = useState<ScreenState>({ kind: 'connecting' })
  useEffect(() => {
    let isOver = false
    const target = stage.current
    if (target === null) return
    const show = async (): Promise<void> => {
      const one = await showScreen(target, { id, viewOnly, fit, onState: setHow, onClipboard })
      if (isOver) one.close()
      else screen.current = one
    }
    void show()
    return () => {
      isOver = true
      screen.current?.close()
      screen.current = undefined
    }
    // Another way to fit is another property of the same screen.
  }, [id, viewOnly])
  return { stage, screen, how }
}

function stateWords(how: ScreenState, state: WireVm['state']): string {
  if (how.kind === 'connecting') return 'connecting …'
  if (how.kind === 'lost') return `${how.words}; trying again …`
  return state === 'paused' ? 'paused: nothing moves' : 'live'
}

/** Keys that the browser would keep for itself go to the guest there, where the browser lets them. */
async function fullScreen(whole: HTMLElement | null, screen: Screen | undefined): Promise<void> {
  if (document.fullscreenElement !== null) return document.exitFullscreen()
  await whole?.requestFullscreen()
  const { keyboard } = navigator as { keyboard?: { lock: () => Promise<void> } }
  await keyboard?.lock().catch(() => {})
  screen?.focus()
}
