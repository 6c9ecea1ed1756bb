// Every call by its name, `life.start`, and where its code is: loaded by the first one that needs it.
import type { Call } from './call.js'
import type * as backups from './backups.js'
import type * as device from './device.js'
import type * as drive from './drive.js'
import type * as frozen from './frozen.js'
import type * as states from './states.js'
import type * as host from './host.js'
import type * as life from './life.js'
import type * as move from './move.js'
import type * as reach from './reach.js'
import type * as watch from './watch.js'

type Named<Room extends string, Table> = { readonly [N in keyof Table & string as `${Room}.${N}`]: Table[N] }

/** What resolves to one result. */
export type Calls = Named<'host', typeof host.calls> &
  Named<'life', typeof life.calls> &
  Named<'drive', typeof drive.calls> &
  Named<'frozen', typeof frozen.calls> &
  Named<'states', typeof states.calls> &
  Named<'backups', typeof backups.calls> &
  Named<'reach', typeof reach.calls> &
  Named<'device', typeof device.calls> &
  Named<'move', typeof move.calls>

/** What gives one thing after the other. */
export type Streams = Named<'watch', typeof watch.streams> & Named<'move', typeof move.streams>

/** A call as it is run, its arguments as they came. */
export type Found =
  | { readonly kind: 'call'; readonly run: (call: Call, ...args: readonly unknown[]) => Promise<unknown> }
  | { readonly kind: 'stream'; readonly run: (call: Call, ...args: readonly unknown[]) => AsyncIterator<unknown> }

type Table = Readonly<Record<string, unknown>>

const rooms: Readonly<Record<string, () => Promise<{ readonly calls?: Table; readonly streams?: Table }>>> = {
  host: () => import('./host.js'),
  life: () => import('./life.js'),
  drive: () => import('./drive.js'),
  frozen: () => import('./frozen.js'),
  states: () => import('./states.js'),
  backups: () => import('./backups.js'),
  reach: () => import('./reach.js'),
  device: () => import('./device.js'),
  move: () => import('./move.js'),
  watch: () => import('./watch.js'),
}

export async function findCall(name: string): Promise<Found> {
  const [room = '', call = ''] = name.split('.')
  const { calls = {}, streams = {} } = (await rooms[room]?.()) ?? {}
  const kind = Object.hasOwn(calls, call) ? 'call' : 'stream'
  const run = kind === 'call' ? calls[call] : streams[call]
  if (run === undefined) throw new Error(`there is no call ${name}`)
  return { kind, run } as Found
}
