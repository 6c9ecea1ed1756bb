// A VM's serial console: what it said since power-on, and what it says.
import { useEffect, useRef, useState } from 'preact/hooks'
import type { ConsoleHow, WireVm } from '../../web/protocol.js'
import { written } from '../link/place.js'
import { openSerial, type SerialLine, type SerialState } from '../link/serial.js'
import type { OwnTerminal } from '../link/terminal.js'
import { followDark, isDark } from '../link/theme.js'
import { useViewOnly } from '../link/watch.js'
import { announce } from '../part/announce.js'
import { Icon } from '../part/icon.js'
import { OwnWindow } from '../part/ownwindow.js'
import { Off } from '../part/off.js'
import { SerialWords } from '../part/serialwords.js'

/** Ctrl-] leaves, as on the command line. */
const leaveKey = '\u001D'

export function ConsoleView({ vm }: { readonly vm: WireVm }) {
  // What an ended one has said stays until somebody starts it again.
  const [wasOn, setOn] = useState(false)
  const isOn = vm.state !== 'stopped'
  useEffect(() => setOn(wasOn || isOn), [isOn])
  return wasOn || isOn ? <Live vm={vm} /> : <Off vm={vm} />
}

function Live({ vm: { id, state } }: { readonly vm: WireVm }) {
  const viewOnly = useViewOnly()
  const [how, setHow] = useState<ConsoleHow>(viewOnly ? 'follow' : 'attach')
  const leave = useRef<HTMLInputElement>(null)
  const { stage, own, said } = useConsole(id, how, state === 'stopped', () => leave.current?.focus())
  return (
    <section class="stage-view" aria-label={`Console of ${id}`}>
      <div class="tools">
        <Search own={own} input={leave} />
        <button type="button" onClick={() => copyAll(own.current)}>
          <Icon name="copy" />
          <span>Copy all</span>
        </button>
        <OwnWindow id={id} view="console-alone" />
        <span class="gap" />
        <SerialWords state={said} id={id} onHow={setHow} />
      </div>
      <div class="stage terminal" ref={stage} />
      {!viewOnly && <p class="hint below">Keys go to the guest while its console has the focus. Ctrl-] gives the focus back.</p>}
    </section>
  )
}

function Search({
  own,
  input,
}: {
  readonly own: { readonly current: OwnTerminal | undefined }
  readonly input: { current: HTMLInputElement | null }
}) {
  const [text, setText] = useState('')
  const find = (isUp: boolean): void => {
    if (text !== '' && own.current?.find(text, isUp) === false) announce('not found')
  }
  return (
    <form
      class="filter"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        find(true)
      }}
    >
      <Icon name="search" />
      <input
        ref={input}
        type="search"
        aria-label="Search in the console, upwards"
        placeholder="Search"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <button type="submit" class="quiet" aria-label="Further up">
        <Icon name="up" />
      </button>
      <button type="button" class="quiet" aria-label="Further down" onClick={() => find(false)}>
        <Icon name="down" />
      </button>
    </form>
  )
}

function copyAll(own: OwnTerminal | undefined): void {
  const text = own?.terminal.hasSelection() === true ? own.terminal.getSelection() : (own?.text() ?? '')
  navigator.clipboard.writeText(text).then(
    () => announce('copied'),
    () => announce('the browser does not let this page copy'),
  )
}

function useConsole(id: string, how: ConsoleHow, isOff: boolean, onLeave: () => void) {
  const stage = useRef<HTMLDivElement>(null)
  const own = useRef<OwnTerminal | undefined>(undefined)
  const line = useRef<SerialLine | undefined>(undefined)
  // What was said before holds questions to the terminal, which nobody waits for any more: they get no answers.
  const isPast = useRef(true)
  const [isOpen, setOpen] = useState(false)
  const [said, say] = useState<SerialState>({ kind: 'connecting' })
  useEffect(() => {
    let isOver = false
    const open = async (): Promise<void> => {
      const { openTerminal } = await import('../link/terminal.js')
      if (isOver || stage.current === null) return
      const { terminal } = (own.current = openTerminal(stage.current, { nonce: written('style-nonce'), isDark, followDark }))
      terminal.onData((text) => {
        if (text === leaveKey) onLeave()
        else if (!isPast.current) send(new TextEncoder().encode(text))
      })
      terminal.onBinary((text) => send(Uint8Array.from(text, (char) => char.charCodeAt(0))))
      terminal.focus()
      setOpen(true)
    }
    void open()
    const send = (bytes: Uint8Array): void => {
      if (line.current?.send(bytes) !== true) announce('not connected: what is typed is not sent')
    }
    return () => {
      isOver = true
      own.current?.close()
      own.current = undefined
    }
  }, [])
  useEffect(() => {
    const terminal = own.current?.terminal
    if (!isOpen || isOff || terminal === undefined) return
    const one = (line.current = openSerial({
      id,
      how,
      onState: say,
      onBegin: () => {
        isPast.current = true
        terminal.reset()
      },
      onBytes: (bytes) => terminal.write(bytes),
      // Called when all before is drawn.
      onLive: () => terminal.write('', () => (isPast.current = false)),
      onLost: () => announce('the guest does not read: what was typed is lost'),
    }))
    return () => one.close()
  }, [isOpen, id, how, isOff])
  return { stage, own, said }
}
