// `nbsvm web`: serves the page in the foreground, says where, and ends well.
import path from 'node:path'
import { errorCode, Failure } from '../core/errors.js'
import { version } from '../core/version.js'
import type { Outside } from '../host/place.js'
import { hostName, ownUid, machineName } from '../sys/environment.js'
import { isServed } from '../sys/socket.js'
import { pause } from '../sys/clock.js'
import { findProgram, lstat, remove, stat, temporaryName, writeBytes } from '../sys/file.js'
import { isOwn } from '../sys/plain.js'
import { run } from '../sys/process.js'
import { userName } from '../sys/self.js'
import { hashHex } from '../sys/stamp.js'
import type { Base } from './base.js'
import { takeDesk, type Desk } from './desk.js'
import type { WireAction } from './protocol.js'
import type { RunLine } from './run.js'
import { serveWeb, type WebPage } from './server.js'
import { createSessions, type Sessions } from './session.js'

export interface RunWebOptions {
  /** The id of the one VM that the page is about. */
  readonly only: string | undefined
  readonly viewOnly: boolean
  /** A port of the loopback, the one of last time or a free one where it is undefined; or a unix socket. */
  readonly place: { readonly port: number | undefined } | { readonly file: string }
  readonly base: Base
  /** Whether to open a browser. */
  readonly opens: boolean
  /** What the page may have done, as help has it. */
  readonly actions: readonly WireAction[]
  readonly outside: Outside
  readonly runLine: RunLine
  readonly out: (line: string) => void
  readonly note: (line: string) => void
  /** Aborting ends it. */
  readonly signal: AbortSignal
}

/** The port of whoever reaches the socket by ssh, in links. */
const tunnelPort = 8000

/** Serves until `signal` is aborted; where another one does already, gives a link of that one. */
export async function runWeb(options: RunWebOptions): Promise<void> {
  const { only, viewOnly, outside, signal, note } = options
  const file = 'file' in options.place ? options.place.file : null
  const desk = await takeDesk(outside.place, { only, viewOnly, file })
  if ('link' in desk) {
    note('it is served already; here is one more link')
    return show(desk.link, options, signal)
  }
  try {
    await serveAt(desk, options)
  } finally {
    desk.close()
  }
}

async function serveAt(desk: Desk, options: RunWebOptions): Promise<void> {
  const { note, signal, place, base, only } = options
  const sessions = createSessions()
  const page = await serveSomewhere(desk, sessions, options)
  const { port } = page
  try {
    const origin = base.origin ?? `http://${port === undefined ? `localhost:${tunnelPort}` : `127.0.0.1:${port}`}`
    const newLink = (): string => `${origin}${base.path}${only === undefined ? '' : `vm/${only}`}#${sessions.newToken()}`
    await desk.open(newLink)
    if (port !== undefined) desk.keepPort(port)
    note('open this link, which is good for once; Ctrl-C ends')
    const shown = show(newLink(), options, signal)
    if (base.origin === undefined) note(`from another machine: ssh -L ${tunnel(place, port)} ${hostName()}`)
    await untilAborted(signal)
    await shown
  } finally {
    await page.close(`nbsvm web was ended on ${machineName()}`)
  }
}

function tunnel(place: RunWebOptions['place'], port: number | undefined): string {
  return 'file' in place ? `${tunnelPort}:${place.file}` : `${port}:127.0.0.1:${port}`
}

/** At the port of last time, so that pages that are open find it again; at another where that is taken and nobody asked for it. */
async function serveSomewhere(desk: Desk, sessions: Sessions, options: RunWebOptions): Promise<WebPage> {
  const { place, base, outside, runLine, viewOnly, only, actions } = options
  const me = {
    version,
    host: machineName(),
    user: userName(),
    viewOnly,
    only: only ?? null,
    actions: viewOnly ? [] : actions,
  }
  // A browser has one jar for all ports of localhost, and by ssh other machines are there too.
  const cookieName = `nbsvm-${hashHex(JSON.stringify([machineName(), ownUid(), outside.place.state, desk.name])).slice(0, 16)}`
  const common = { base, outside, me, sessions, runLine, cookieName }
  if ('file' in place) {
    await claimSocket(place.file)
    return serveWeb({ ...common, place })
  }
  const wanted = place.port ?? desk.lastPort ?? 0
  return serveWeb({ ...common, place: { port: wanted } }).catch((error: unknown) => {
    if (errorCode(error) !== 'EADDRINUSE') throw error
    if (place.port === undefined) return serveWeb({ ...common, place: { port: 0 } })
    throw new Failure(`cannot serve the page: port ${place.port} is taken`, { hints: ['leave --port out for a free one'] })
  })
}

/** Makes sure that a socket can be made there, and that nobody else can put another in its place. Throws a Failure. */
async function claimSocket(file: string): Promise<void> {
  const folder = path.dirname(file)
  const found = stat(folder)
  if (found?.isDirectory() !== true) throw new Failure(`cannot serve at ${file}: there is no folder ${folder}`)
  // Where only the owner of a file may remove it, as in /tmp, ours stays ours.
  const isSticky = (found.mode & 0o1000) !== 0
  if (!isOwn(found) && !isSticky) {
    throw new Failure(`cannot serve at ${file}: others can write to ${folder}`, {
      hints: ['take a folder of your own: --socket=$XDG_RUNTIME_DIR/nbsvm'],
    })
  }
  const before = lstat(file)
  if (before === undefined) return
  if (!before.isSocket() || before.uid !== ownUid()) throw new Failure(`cannot serve at ${file}: it is there already`)
  if (await isServed(file)) throw new Failure(`cannot serve at ${file}: somebody serves there already`)
  remove(file)
}

/** So long a browser may take to read where to go. */
const openMs = 5000

/** Prints a link, and opens it. */
async function show(link: string, { out, note, opens }: RunWebOptions, signal: AbortSignal): Promise<void> {
  out(link)
  const opener = opens ? findProgram('xdg-open') : undefined
  if (opener === undefined) return
  // All users see what a program is called with. So the browser gets a file of ours, which leads it on.
  const file = `${temporaryName('nbsvm-web')}.html`
  try {
    writeBytes(file, Buffer.from(`<!doctype html><meta http-equiv="refresh" content="0; url=${link}">\n`))
    const { status } = await run([opener, file], { signal })
    if (status !== 0) note('no browser could be opened')
    await pause(openMs, signal)
  } catch {
    if (!signal.aborted) note('no browser could be opened')
  } finally {
    remove(file)
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
