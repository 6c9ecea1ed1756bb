import { lineOf, runLine } from '../link/run.js'
import { Line } from './copy.js'
import { Dialog } from './dialog.js'

interface Props {
  readonly title: string
  readonly warning: string
  /** On the button that does it. */
  readonly label: string
  /** The line as it is shown. */
  readonly words: readonly string[]
  /** The line as it is run, where nobody is to be asked again. */
  readonly runs?: readonly string[]
  readonly onClose: () => void
}

/** Asks before a line is run that takes something away. */
export function Confirm({ title, warning, label, words, runs = words, onClose }: Props) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{warning}</p>
      <p>
        <Line text={lineOf(words)} />
      </p>
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            onClose()
            void runLine(runs)
          }}
        >
          {label}
        </button>
      </div>
    </Dialog>
  )
}
