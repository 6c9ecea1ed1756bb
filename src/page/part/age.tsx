import { age } from '../../core/age.js'
import { cell, useCell } from '../link/cell.js'

const everyMs = 5000

const now = cell(Date.now())
setInterval(() => {
  if (!document.hidden) now.set(Date.now())
}, everyMs)

/** How long ago something was, which grows while it is looked at; the exact time where it is pointed at. */
export function Age({ sinceMs }: { readonly sinceMs: number }) {
  const text = useCell(now, (nowMs) => age(Math.max(nowMs, Date.now()) - sinceMs))
  const exact = new Date(sinceMs)
  return (
    <time dateTime={exact.toISOString()} title={exact.toLocaleString()}>
      {text}
    </time>
  )
}
