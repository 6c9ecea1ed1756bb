// Text for the guest: typed key by key, or laid on its clipboard.
import { useEffect, useRef, useState } from 'preact/hooks'
import { printable } from '../../core/text.js'
import { lineOf, runLine } from '../link/run.js'
import { asTyped, untypable } from '../pure/typing.js'
import { Copy } from './copy.js'
import { Dialog } from './dialog.js'

interface Props {
  readonly id: string
  /** What the guest has put on its clipboard; empty also where it has none. */
  readonly clipboard: string
  readonly onGive: (text: string) => void
  readonly onClose: () => void
}

/** So much is one line of the command line. */
const mostCharacters = 10_000

export function Paste({ id, clipboard, onGive, onClose }: Props) {
  const [text, setText] = useState('')
  const area = useRef<HTMLTextAreaElement>(null)
  useEffect(() => area.current?.focus(), [])
  const wrong = untypable(text)
  const isTooLong = text.length > mostCharacters
  const words = [id, 'type', '--screen', asTyped(text)]
  return (
    <Dialog title={`Paste into ${id}`} onClose={onClose}>
      <label for="paste">Text</label>
      <textarea
        id="paste"
        ref={area}
        rows={6}
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <p class="warning" role="status">
        {wrong.length > 0 && (
          <>
            No key of a US keyboard writes <code>{printable(wrong.slice(0, 12).join(' '))}</code>: take it out, or use the
            clipboard or the console.
          </>
        )}
        {isTooLong && ` More than ${mostCharacters} characters are too much to type.`}
      </p>
      <p class="hint">It is typed as on a US keyboard: with another layout in the guest, other characters come of it.</p>
      {text !== '' && text.length < 100 && wrong.length === 0 && (
        <p>
          <code>{lineOf(words)}</code> <Copy text={lineOf(words)} />
        </p>
      )}
      {clipboard !== '' && (
        <figure>
          <figcaption>
            On the guest's clipboard <Copy text={clipboard} what="the guest's clipboard" />
          </figcaption>
          <pre tabIndex={0}>{printable(clipboard)}</pre>
        </figure>
      )}
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          title="Where the guest runs spice-vdagent on a channel of qemu-vdagent"
          disabled={text === ''}
          onClick={() => {
            onGive(text)
            onClose()
          }}
        >
          To its clipboard
        </button>
        <button
          type="button"
          class="primary"
          disabled={text === '' || wrong.length > 0 || isTooLong}
          onClick={() => {
            void runLine(words)
            onClose()
          }}
        >
          Type it
        </button>
      </div>
    </Dialog>
  )
}
