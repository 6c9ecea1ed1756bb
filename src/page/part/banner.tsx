// How it stands with the server, where it is not as it should be.
import { useEffect, useState } from 'preact/hooks'
import { useCell } from '../link/cell.js'
import { lineOf } from '../link/run.js'
import { connection, me, type Connection } from '../link/watch.js'
import { announce } from './announce.js'
import { Line } from './copy.js'

/** A cut that mends itself at once is not worth a word. */
const patienceMs = 700

export function Banner() {
  const now = useCell(connection)
  const who = useCell(me)
  const isShown = useLate(now.kind !== 'live', now.kind === 'ended' || now.kind === 'unknown' ? 0 : patienceMs)
  useEffect(() => {
    if (isShown || now.kind === 'ended') announce(spoken(now))
  }, [isShown, now.kind])
  if (!isShown || now.kind === 'live') return null
  const again = lineOf([...(who?.only == null ? [] : [who.only]), 'web', ...(who?.viewOnly === true ? ['--view'] : [])])
  return <div class={`banner ${now.kind}`}>{inside(now, again)}</div>
}

function spoken({ kind }: Connection): string {
  const words = {
    connecting: 'connecting',
    live: 'connected',
    lost: 'the connection is cut, and tried again',
    ended: 'nbsvm web has ended',
    unknown: 'this page needs a new link',
  }
  return words[kind]
}

/** `again`: the line that serves the page again. */
function inside(now: Exclude<Connection, { kind: 'live' }>, again: string) {
  switch (now.kind) {
    case 'connecting':
      return <p>Connecting …</p>
    case 'lost':
      return (
        <p>
          <strong>The connection is cut.</strong> It is tried again by itself. What is shown is how it was; VMs run on.
        </p>
      )
    case 'ended':
      return (
        <>
          <p>
            <strong>nbsvm web has ended.</strong> VMs run on. To have the page again, type this and open the link that it prints:
          </p>
          <Line text={again} />
        </>
      )
    case 'unknown':
      return (
        <>
          <p>
            <strong>This page needs a new link.</strong> A link lets one browser in, once, as long as that nbsvm web runs. Type
            this and open the link that it prints:
          </p>
          <Line text={again} />
          <p class="hint">{now.words}</p>
        </>
      )
  }
}

/** True once `is` has been so for a while. */
function useLate(is: boolean, afterMs: number): boolean {
  const [late, setLate] = useState(false)
  useEffect(() => {
    if (!is) {
      setLate(false)
      return
    }
    const timer = setTimeout(() => setLate(true), afterMs)
    return () => clearTimeout(timer)
  }, [is, afterMs])
  return is && late
}
