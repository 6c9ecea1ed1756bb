const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const

let received: keyof typeof numbers | undefined

/** A signal that is aborted by Ctrl-C, SIGTERM or SIGHUP, so that whatever is half done is undone. The second one ends all. */
export function onInterrupt(): AbortSignal {
  const controller = new AbortController()
  for (const name of Object.keys(numbers) as (keyof typeof numbers)[]) {
    process.on(name, () => {
      if (received !== undefined) process.exit(128 + numbers[received])
      received = name
      controller.abort()
    })
  }
  return controller.signal
}

/** Ends the program; after a signal with its number, as a shell expects it, unless all was done nevertheless. */
export function exitWith(status: number): void {
  process.exit(status !== 0 && received !== undefined ? 128 + numbers[received] : status)
}
