// The way by which QEMU reaches the QEMU of another machine: sockets that lead through ssh.
import type { Machine } from '../../remote/connection.js'
import { closeTunnel, openTunnel, type Tunnel } from '../../remote/talk.js'
import { ownUid } from '../../sys/environment.js'
import { giveTo, lstat, remove } from '../../sys/file.js'
import type { Vm } from '../record/vm.js'
import type { Doors } from './incoming.js'

/** Makes them in QEMU's own folder, by the names that they have there, for QEMU's user. */
export async function openDoors(
  { drawer }: Vm,
  machine: Machine,
  { folder, doors }: { readonly folder: string; readonly doors: Doors },
): Promise<{ readonly close: () => Promise<void> }> {
  const opened: Tunnel[] = []
  const close = async (): Promise<void> => {
    for (const tunnel of opened) {
      await closeTunnel(machine, tunnel)
      remove(tunnel.here)
    }
  }
  try {
    for (const name of [doors.ram, doors.drives]) {
      const tunnel = { here: `${drawer.run}/${name}`, there: `${folder}/${name}` }
      opened.push(tunnel)
      await openTunnel(machine, tunnel)
      const owner = lstat(drawer.run)
      if (owner !== undefined && owner.uid !== ownUid()) giveTo(tunnel.here, owner)
    }
    return { close }
  } catch (error) {
    await close()
    throw error
  }
}
