// What is said to who cannot see it happen.
import { cell, useCell } from '../link/cell.js'

const said = cell({ text: '', number: 0 })

export function announce(text: string): void {
  said.set({ text, number: said.get().number + 1 })
}

/** The same words twice are said twice: the second time by another element. */
export function Announcer() {
  const { text, number } = useCell(said)
  return (
    <div class="unseen" role="status">
      <span key={number}>{text}</span>
    </div>
  )
}
