import path from 'node:path'
import { Failure, messageOf } from '../core/errors.js'
import { quoteWords } from '../core/words.js'
import type { Environment } from '../sys/environment.js'
import { deadlineIn, monotonicMs, pause } from '../sys/clock.js'
import { findProgram, realPath } from '../sys/file.js'
import { run, type RunResult } from '../sys/process.js'
import { passwordFile } from './rfb.js'
import type { VncServer } from './vnc.js'

const host = '127.0.0.1'

/** Where a screen is served, for whoever starts a viewer of it. */
export interface Address {
  /** A TCP port of the loopback address, behind a password, or the path of a socket that needs none. */
  readonly at: number | string
  /** Where the password is laid down for a viewer that can read it from a file. */
  readonly secretFile: string
}

/** How a viewer reads the password: as `vncpasswd` writes it, or in a connection file of virt-viewer, which has the address too. */
export type Secret = 'passwd' | 'vv'

interface Viewer {
  readonly secret?: Secret
  readonly words: (port: number, secretFile: string) => string[]
}

/** Most read a small number after one colon as a display; two colons are a port to all of them. */
const family: Viewer = { secret: 'passwd', words: (port, secretFile) => ['-passwd', secretFile, `${host}::${port}`] }
/** It asks for the password: in a URL all users would see it. */
const byUrl: Viewer = { words: (port) => [`vnc://${host}:${port}`] }

/** VNC viewers that people have, the best first, and how each is told where to go. */
const viewers: Readonly<Record<string, Viewer>> = {
  vncviewer: family, // TigerVNC, RealVNC, TightVNC
  xtigervncviewer: family,
  'remote-viewer': { secret: 'vv', words: (_, secretFile) => [secretFile] },
  gvncviewer: { words: (port) => [`${host}:${port - 5900}`] }, // knows displays only, 5900 is 0
  vinagre: byUrl,
  krdc: byUrl,
  remmina: { words: (port) => ['-c', `vnc://${host}:${port}`] },
  xtightvncviewer: family,
  ssvncviewer: family,
  xvnc4viewer: family,
}

/** Whether there is a screen that a viewer could draw on. */
export function hasScreen(environment: Environment): boolean {
  return Boolean(environment['DISPLAY'] || environment['WAYLAND_DISPLAY'])
}

export interface ViewerOptions {
  /** The user's own; blank for none. */
  readonly viewer: readonly string[] | undefined
  readonly hasScreen: boolean
}

/** A viewer's command, and in which form it needs the password in the file that the command names. */
export interface ViewerCommand {
  readonly command: readonly string[]
  readonly secret?: Secret
}

/**
 * The command that shows a served screen. The user's own `viewer` gets the address put after it, as that program is known to
 * want it, else as HOST:PORT; `{}` in its words stands for HOST:PORT, `{port}` for the port, `{passwd}` for a file with the
 * password. Without one it is the first viewer that is installed. Undefined where there is none, or no screen, or where `viewer`
 * is blank.
 */
export function viewerCommand({ at, secretFile }: Address, options: ViewerOptions): ViewerCommand | undefined {
  const words = options.viewer ?? installed(options)
  if (words === undefined || words.length === 0) return undefined
  if (typeof at === 'string') return { command: [...words, at] }
  const filled = words.map((word) => fill(word, at, secretFile))
  const secret = words.some((word) => word.includes('{passwd}')) ? ({ secret: 'passwd' } as const) : {}
  if (filled.some((word, index) => word !== words[index])) return { command: filled, ...secret }
  const known = knownViewer(words)
  if (known === undefined) return { command: [...words, `${host}:${at}`] }
  return { command: [...words, ...known.words(at, secretFile)], ...(known.secret === undefined ? {} : { secret: known.secret }) }
}

/** Whether the viewer is TigerVNC's, which takes the path of a socket: then there need be no port at all. */
export function takesSocket(options: ViewerOptions): boolean {
  const words = options.viewer ?? installed(options)
  const [program] = words ?? []
  if (program === undefined || words?.some((word) => fill(word, 0, '') !== word) === true) return false
  return path.basename(realPath(findProgram(program) ?? '') ?? '') === 'xtigervncviewer'
}

/** What a file of that form holds. */
export function secretText(secret: Secret, port: number, password: string): Buffer {
  if (secret === 'passwd') return passwordFile(password)
  return Buffer.from(`[virt-viewer]\ntype=vnc\nhost=${host}\nport=${port}\npassword=${password}\n`)
}

function installed(options: ViewerOptions): string[] | undefined {
  const name = options.hasScreen ? Object.keys(viewers).find((one) => findProgram(one) !== undefined) : undefined
  return name === undefined ? undefined : [name]
}

function fill(word: string, port: number, secretFile: string): string {
  return word.replaceAll('{}', `${host}:${port}`).replaceAll('{port}', String(port)).replaceAll('{passwd}', secretFile)
}

function knownViewer(words: readonly string[]): Viewer | undefined {
  const name = path.basename(words[0] ?? '')
  return Object.hasOwn(viewers, name) ? viewers[name] : undefined
}

/** A viewer that ends sooner has handed over to a process of its own. */
const handOverMs = 2000

/** How long that process may take to connect. */
const connectMs = 15_000

const pollMs = 100

/**
 * Runs a viewer of a served screen and resolves when it is done: when it ends, or, for one that hands over to another process
 * and ends at once (a desktop's single instance), when that one's connection does. Throws a Failure with the viewer's own
 * words when it fails before it has connected. Ends it when `signal` is aborted.
 */
export async function runViewer(command: readonly string[], server: VncServer, signal: AbortSignal): Promise<void> {
  const startedMs = monotonicMs()
  const result = await tryRun(command, signal)
  if (signal.aborted) return
  if (result.status !== 0 && server.served() === 0) throw viewerFailure(command, result)
  if (monotonicMs() - startedMs >= handOverMs) return
  const deadline = deadlineIn(connectMs)
  while (!signal.aborted && server.served() === 0 && !deadline.isOver) await pause(pollMs)
  while (!signal.aborted && server.connections() > 0) await pause(pollMs)
}

async function tryRun(command: readonly string[], signal: AbortSignal): Promise<RunResult> {
  try {
    return await run(command, { signal })
  } catch (error) {
    if (signal.aborted) return { status: 0, stdout: '', stderr: '' }
    throw new Failure(`cannot show the screen: ${messageOf(error)}`, { hints: withoutViewer })
  }
}

const withoutViewer = ["choose another: viewer=PROGRAM; none, to connect by hand: viewer=' '"]

function viewerFailure(command: readonly string[], { status, stderr }: RunResult): Failure {
  const words = stderr.trim() || `it ended with status ${status}`
  return new Failure(`cannot show the screen: ${words}`, { hints: [`the command was: ${quoteWords(command)}`, ...withoutViewer] })
}
