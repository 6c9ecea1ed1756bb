import type { Machine, Option, Words } from '../../model/machine.js'
import { qemuFiles } from '../socket.js'
import { json, pairs } from './words.js'

/** A graphics card, shown by VNC on a socket that only the VM's owner can reach, to as many viewers as he likes. The setting `display` replaces the latter. */
export function displayOptions({ display, arch }: Pick<Machine, 'display' | 'arch'>): Option[] {
  // `-vga` and not `-device`: a `-vga qxl` of the user's, further on, then takes its place. Boards other than x86's have no VGA.
  return [
    arch === 'x86_64' ? ['-vga', 'std'] : json('-device', { driver: 'virtio-gpu-pci', id: 'screen' }),
    ...(display === undefined ? [['-vnc', `unix:${qemuFiles.vnc},share=force-shared`] as const] : own(display)),
  ]
}

/** A QEMU that is told of no display opens a VNC port for everybody on this machine. */
function own(display: Words): Option[] {
  return display.includes('-display') ? pairs(display) : [['-display', 'none'], ...pairs(display)]
}
