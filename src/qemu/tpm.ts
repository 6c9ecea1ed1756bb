// A TPM 2.0 beside QEMU: swtpm, one process a VM, on a socket of its own. https://github.com/stefanberger/swtpm/wiki
import type { Helper } from '../model/helper.js'
import type { Words } from '../model/machine.js'
import { qemuFiles } from './socket.js'

/** A file of its state has some 10 KB. Whoever has taken swtpm over writes none that is larger. */
const largestFileBytes = 1024 * 1024

/**
 * swtpm as a helper, through `prefix` as the VM's own user where root's QEMU is that. `state` is the folder of what the TPM
 * must not lose, that user's own, and `folder` the drawer's folder with the socket.
 *
 * Neither can that user find the way to its state, nor swtpm bear a comma in it: it gets the folder open. `ulimit` counts in 512 bytes.
 */
export function tpmHelper(options: { readonly state: string; readonly folder: string; readonly prefix: Words }): Helper {
  const { state, folder, prefix } = options
  const ready = 'swtpm.pid'
  const script = `cd ${folder} && ulimit -f ${largestFileBytes / 512} && exec "$@" 9<"$0"`
  const places = ['--tpmstate', 'dir=/proc/self/fd/9,mode=0600', '--ctrl', `type=unixio,path=${qemuFiles.tpm},mode=0600`]
  // It writes its number when its socket is there.
  const manner = ['--pid', `file=${ready}`, '--flags', 'startup-clear', '--terminate']
  return {
    name: 'swtpm',
    command: ['sh', '-c', script, state, ...prefix, 'swtpm', 'socket', '--tpm2', ...places, ...manner],
    keepsDescriptors: true,
    reads: [],
    socket: `${folder}/${qemuFiles.tpm}`,
    ready: `${folder}/${ready}`,
    log: 'swtpm.log',
    writes: [{ file: 'swtpm.log', maxBytes: largestFileBytes }],
  }
}
