import events from 'node:events'
import { Failure } from '../core/errors.js'
import { letGoOfDeadTerminals, write } from './output.js'

const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const

let received: keyof typeof numbers | undefined

let isOver = false

/** A signal that is aborted by Ctrl-C, SIGTERM or SIGHUP, so that whatever is half done is undone. The second one ends all. */
export function onInterrupt(): AbortSignal {
  const controller = new AbortController()
  // A line about many VMs waits for many things at once.
  events.setMaxListeners(0, controller.signal)
  for (const name of Object.keys(numbers) as (keyof typeof numbers)[]) {
    process.on(name, () => {
      if (received !== undefined) process.exit(128 + numbers[received])
      received = name
      controller.abort(new Failure('interrupted'))
    })
  }
  process.once('exit', (status) => {
    sayIfLost(status)
    letGoOfDeadTerminals()
  })
  return controller.signal
}

/** Node ends, content with itself, when nothing is left that could end a wait: that is a bug, and no success. */
function sayIfLost(status: number): void {
  if (isOver || status !== 0) return
  process.exitCode = 1
  write(2, 'nbsvm: ended before its work was done\n  this is a bug in nbsvm; please report what you typed\n')
}

/** Ends the program; after a signal with its number, as a shell expects it, unless all was done nevertheless. */
export function exitWith(status: number): void {
  isOver = true
  process.exit(status !== 0 && received !== undefined ? 128 + numbers[received] : status)
}
