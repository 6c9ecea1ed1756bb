// Other machines for tests, each with a home that goes when the test file ends.
import fs from 'node:fs'
import path from 'node:path'
import { after } from 'node:test'
import { makeHome, type Home } from '../cli.js'
import { cutAll, disconnect, serve, type Server } from './sshd.js'

export { whyNoMachine } from './sshd.js'

export interface Machines {
  /** The caller's. */
  readonly home: Home
  /** What of it the other machine has. */
  readonly of: (name: string) => Home & Server
  /** Kills the caller's end of all connections. */
  readonly cutHere: () => void
}

/** The caller, whose ssh knows the machines of these names. */
export function makeMachines(...names: readonly string[]): Machines {
  // Before the home is removed, which is the next.
  after(() => {
    for (const { folder } of [home, ...machines.values()]) disconnect(path.join(folder, 'state'))
  })
  const home = makeHome()
  const state = path.join(home.folder, 'state')
  const machines = serve(home, new Map(names.map((name) => [name, makeHome()])))
  // They reach each other as well.
  for (const { bin } of machines.values()) fs.copyFileSync(path.join(home.folder, 'bin/ssh'), path.join(bin, 'ssh'))
  return {
    home,
    cutHere: () => cutAll(state),
    of: (name) => {
      const found = machines.get(name)
      if (found === undefined) throw new Error(`no machine ${name}`)
      return found
    },
  }
}
