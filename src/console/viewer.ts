import path from 'node:path'
import { Failure, messageOf } from '../core/errors.js'
import { quoteWords } from '../core/words.js'
import type { Environment } from '../sys/environment.js'
import { deadlineIn, monotonicMs, pause } from '../sys/clock.js'
import { findProgram } from '../sys/file.js'
import { run, type RunResult } from '../sys/process.js'
import type { VncServer } from './vnc.js'

const host = '127.0.0.1'

const url = (port: number): string[] => [`vnc://${host}:${port}`]
/** Most read a small number behind one colon as a display; two colons are a port to all of them. */
const twoColons = (port: number): string[] => [`${host}::${port}`]

/** VNC viewers that people have, the best first, and how each is told where to go. */
const viewers: Readonly<Record<string, (port: number) => string[]>> = {
  vncviewer: twoColons, // TigerVNC, RealVNC, TightVNC
  xtigervncviewer: twoColons,
  'remote-viewer': url,
  gvncviewer: (port) => [`${host}:${port - 5900}`], // knows displays only, 5900 is 0
  vinagre: url,
  krdc: url,
  remmina: (port) => ['-c', ...url(port)],
  xtightvncviewer: twoColons,
  ssvncviewer: twoColons,
  xvnc4viewer: twoColons,
}

/** Whether there is a screen that a viewer could draw on. */
export function hasScreen(environment: Environment): boolean {
  return Boolean(environment['DISPLAY'] || environment['WAYLAND_DISPLAY'])
}

/**
 * The command that shows a VNC port. The user's own `viewer` gets the address put behind it, as that program is known to
 * want it, else as HOST:PORT; `{}` in its words stands for HOST:PORT, `{port}` for the port. Without one it is the first
 * viewer that is installed. Undefined where there is none, or no screen, or where `viewer` is blank.
 */
export function viewerCommand(
  port: number,
  options: { readonly viewer: readonly string[] | undefined; readonly hasScreen: boolean },
): string[] | undefined {
  if (options.viewer !== undefined) return options.viewer.length === 0 ? undefined : ownCommand(options.viewer, port)
  if (!options.hasScreen) return undefined
  const name = Object.keys(viewers).find((name) => findProgram(name) !== undefined)
  return name === undefined ? undefined : [name, ...(viewers[name]?.(port) ?? [])]
}

function ownCommand(words: readonly string[], port: number): string[] {
  const filled = words.map((word) => word.replaceAll('{}', `${host}:${port}`).replaceAll('{port}', String(port)))
  if (filled.some((word, index) => word !== words[index])) return filled
  const name = path.basename(words[0] ?? '')
  const address = Object.hasOwn(viewers, name) ? viewers[name]?.(port) : undefined
  return [...words, ...(address ?? [`${host}:${port}`])]
}

/** A viewer that ends sooner has handed over to a process of its own. */
const handOverMs = 2000

/** How long that process may take to connect. */
const connectMs = 15_000

const pollMs = 100

/**
 * Runs a viewer of a served screen and resolves when it is done: when it ends, or, for one that hands over to another process
 * and ends at once (`open`, a desktop's single instance), when that one's connection does. Throws a Failure with the viewer's own
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
