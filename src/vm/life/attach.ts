// Being at a running VM: its serial port, QEMU's monitor, its screen.
import { attach } from '../../console/attach.js'
import { makePassword } from '../../console/rfb.js'
import { secretText, takesSocket, viewerCommand, type ViewerOptions } from '../../console/viewer.js'
import { serveVnc, serveVncPrivately, type VncServer } from '../../console/vnc.js'
import { Failure } from '../../core/errors.js'
import { pause } from '../../sys/clock.js'
import { remove, stat, temporaryName, writeBytes } from '../../sys/file.js'
import { isRunning } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import { consoleLog } from './log.js'
import { requireSocket } from './up.js'

export interface AttachOptions {
  readonly signal: AbortSignal
  readonly note: (text: string) => void
}

/** More than a screenful: as much of it is shown as fits, so that the prompt is seen that was printed before anybody looked. */
const shownBefore = 8000

/** Joins this process's terminal, or its stdin and stdout, to the VM's serial port until one of them goes. */
export function attachConsole(vm: Vm, { signal, note }: AttachOptions): Promise<'left' | 'gone'> {
  const { drawer, id } = vm
  requireSocket(vm, 'attach to the console of', 'console')
  const before = consoleLog(vm, shownBefore)
  return attach({ id, kind: 'console', socketPath: drawer.console, lockPath: drawer.consoleLock, before, note, signal })
}

/** The same for QEMU's own monitor. */
export function attachMonitor(vm: Vm, { signal, note }: AttachOptions): Promise<'left' | 'gone'> {
  const { drawer, id } = vm
  requireSocket(vm, 'attach to the monitor of', 'monitor')
  const [socketPath, lockPath] = [drawer.monitor, drawer.monitorLock]
  return attach({ id, kind: 'monitor', socketPath, lockPath, before: '', note, signal })
}

/** A VM's screen, as long as it is served. */
export interface Screen {
  readonly server: VncServer
  /** `127.0.0.1:5900`, or the path of a socket. */
  readonly address: string
  /** What a viewer at the port must know; undefined for a socket, which only its owner can connect to. */
  readonly password: string | undefined
  /** The viewer to run; undefined where there is none. */
  readonly viewer: readonly string[] | undefined
  /** The viewer does not know the password, so somebody has to type it. */
  readonly asks: boolean
  /** Ends it, and removes what was laid down for the viewer. */
  close(): void
}

/**
 * Serves the screen of a running VM until `close`: on the port `vnc_port`, or the first free one from 5900, behind a password
 * for this once; on a socket for us alone where no port is asked for and the viewer takes that.
 */
export async function serveScreen(vm: Vm, viewerOptions: ViewerOptions): Promise<Screen> {
  return serveSocket({ socketPath: screenOf(vm), port: vm.settings.vnc_port }, viewerOptions)
}

/** Serves it on a socket for us alone, whatever viewer there is, until `close`. */
export function serveScreenPrivately(vm: Vm): Promise<VncServer> {
  return serveVncPrivately({ socketPath: screenOf(vm), at: temporaryName('nbsvm-vnc') })
}

/** QEMU's socket. Throws a Failure for a VM that has none. */
function screenOf(vm: Vm): string {
  requireSocket(vm, 'show the screen of', 'vnc')
  const { drawer, id } = vm
  if (stat(drawer.vnc) !== undefined) return drawer.vnc
  throw new Failure(`${id} has no VNC screen: it was started with a display of its own`, {
    code: 'DEVICE_MISSING',
    hints: ['see: nbsvm help display'],
  })
}

/** The same for a screen that is at a socket, wherever that comes from. */
export async function serveSocket(
  { socketPath, port }: { readonly socketPath: string; readonly port: number | undefined },
  viewerOptions: ViewerOptions,
): Promise<Screen> {
  const secretFile = temporaryName('nbsvm-vnc')
  if (port === undefined && takesSocket(viewerOptions)) {
    const server = await serveVncPrivately({ socketPath, at: secretFile })
    const command = viewerCommand({ at: secretFile, secretFile }, viewerOptions)?.command
    return { server, address: secretFile, password: undefined, viewer: command, asks: false, close: () => server.close() }
  }
  const password = makePassword()
  const server = await serveVnc({ socketPath, port, password })
  const at = Number(server.at)
  const found = viewerCommand({ at, secretFile }, viewerOptions)
  const close = (): void => {
    server.close()
    remove(secretFile)
  }
  try {
    if (found?.secret !== undefined) writeBytes(secretFile, secretText(found.secret, at, password))
  } catch (error) {
    close()
    throw error
  }
  const asks = found !== undefined && found.secret === undefined
  return { server, address: `127.0.0.1:${at}`, password, viewer: found?.command, asks, close }
}

const watchMs = 500

/** Resolves when the VM is gone, or `signal` is aborted. */
export async function untilGone(vm: Vm, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && isRunning(vm.drawer)) await pause(watchMs)
}
