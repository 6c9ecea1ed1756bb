import { hasScreen, runViewer } from '../console/viewer.js'
import { serveScreen, serveScreenPrivately, untilGone, type Screen } from '../vm/life/attach.js'
import type { Context, Verb } from './verb.js'

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
  nbsvm foo viewer='vncsnapshot -passwd {passwd} {} shot.jpg' vnc

The screen of a VM on another machine comes through the connection, and is served and shown here: nbsvm box2:foo vnc. With --socket
nothing is shown: the path of a socket that only you can connect to, and that asks for no password, is printed.`,

  async run({ vm, flags, out, note, signal, outside }) {
    const gone = (): Promise<void> => untilGone(vm, signal)
    if (flags['socket'] === true) {
      const server = await serveScreenPrivately(vm)
      out(String(server.at))
      await gone()
      server.close()
      return
    }
    const screen = await serveScreen(vm, { viewer: vm.settings.viewer, hasScreen: hasScreen(outside.environment) })
    await showScreen(screen, { id: vm.id, out, note, signal, gone })
  },
}

/** Opens the viewer, or prints where the screen is served until `gone` resolves; closes it then. */
export async function showScreen(
  screen: Screen,
  { id, out, note, signal, gone }: Pick<Context, 'out' | 'note' | 'signal'> & { id: string; gone: () => Promise<unknown> },
): Promise<void> {
  try {
    if (screen.viewer === undefined) {
      out(screen.address)
      note(`${id}: connect a VNC viewer there; its password is ${screen.password}; Ctrl-C ends`)
      await gone()
    } else {
      if (screen.asks) note(`${id}: the password of its screen is ${screen.password}`)
      await runViewer(screen.viewer, screen.server, signal)
    }
  } finally {
    screen.close()
  }
}
