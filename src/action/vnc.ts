import { serveVnc } from '../console/vnc.js'
import { hasScreen, runViewer, viewerCommand } from '../console/viewer.js'
import { Failure } from '../core/errors.js'
import { stat } from '../sys/file.js'
import { pause } from '../sys/clock.js'
import { requireRunning } from '../vm/life/up.js'
import { isRunning } from '../vm/record/state.js'
import type { Vm } from '../vm/record/vm.js'
import type { Verb } from './verb.js'

const watchMs = 500

export const vnc: Verb = {
  help: `Serves the VM's screen on a port of this machine's loopback address (vnc_port, or the first free one from 5900), opens the VNC
viewer that is installed, and ends when the viewer does. Without a viewer, or without a screen to show it on, it prints the address
and serves until Ctrl-C. The setting viewer names another program.

  nbsvm foo vnc
  nbsvm foo vnc_port=4001 vnc
  nbsvm foo viewer=xtightvncviewer vnc`,

  async run({ vm, out, note, signal, outside }) {
    requireRunning(vm, 'show')
    if (stat(vm.drawer.vnc) === undefined) {
      throw new Failure(`${vm.id} has no VNC screen: it was started with a display of its own`, {
        hints: ['see: nbsvm help display'],
      })
    }
    const server = await serveVnc({ socketPath: vm.drawer.vnc, port: vm.settings.vnc_port })
    try {
      const command = viewerCommand(server.port, { viewer: vm.settings.viewer, hasScreen: hasScreen(outside.environment) })
      if (command === undefined) {
        out(`127.0.0.1:${server.port}`)
        note(`${vm.id}: connect a VNC viewer there; Ctrl-C ends`)
        await untilGone(vm, signal)
      } else {
        await runViewer(command, server, signal)
      }
    } finally {
      server.close()
    }
  },
}

async function untilGone(vm: Vm, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && isRunning(vm.drawer)) await pause(watchMs)
}
