import { hasScreen, runViewer } from '../console/viewer.js'
import { serveScreen, untilGone } from '../vm/life/attach.js'
import type { Verb } from './verb.js'

export const vnc: Verb = {
  help: `Serves the VM's screen on a port of this machine's loopback address (vnc_port, or the first free one from 5900), opens the VNC
viewer that is installed, and ends when the viewer does. Without a viewer, or without a screen to show it on, it prints the address
and serves until Ctrl-C. The setting viewer names another program.

Every user of this machine can connect to the port, so each run has a password of its own. It is printed, or handed to the viewer:
vncviewer (TigerVNC, TightVNC) and remote-viewer get it in a file, gvncviewer, vinagre, krdc and remmina ask you. TigerVNC's gets a
socket that only you can connect to, and no port, unless vnc_port is set. In viewer {} stands for HOST:PORT, {port} for the port, and
{passwd} for a file with the password, as vncpasswd writes it.

  nbsvm foo vnc
  nbsvm foo vnc_port=4001 vnc
  nbsvm foo viewer=xtightvncviewer vnc
  nbsvm foo viewer='vncsnapshot -passwd {passwd} {} shot.jpg' vnc`,

  async run({ vm, out, note, signal, outside }) {
    const screen = await serveScreen(vm, { viewer: vm.settings.viewer, hasScreen: hasScreen(outside.environment) })
    try {
      if (screen.viewer === undefined) {
        out(screen.address)
        note(`${vm.id}: connect a VNC viewer there; its password is ${screen.password}; Ctrl-C ends`)
        await untilGone(vm, signal)
      } else {
        if (screen.asks) note(`${vm.id}: the password of its screen is ${screen.password}`)
        await runViewer(screen.viewer, screen.server, signal)
      }
    } finally {
      screen.close()
    }
  },
}
