import type { Forward, Nic, NicBackend } from '../../core/nic.js'
import { json, type Machine, type Option } from '../machine.js'
import { pairs } from './words.js'

/** The network cards. The setting `network` replaces them all. */
export function nicOptions({ nics }: Pick<Machine, 'nics'>): Option[] {
  return 'words' in nics ? pairs(nics.words) : nics.flatMap(nicPair)
}

/** One card: the host's side (`netdev`) and the guest's (`device`). The first is called `net`, as in the script. */
function nicPair(nic: Nic, index: number): Option[] {
  const id = index === 0 ? 'net' : `net${index}`
  const device = { driver: nic.model, id: `nic${index}`, netdev: id, mac: nic.mac }
  return [json('-netdev', { id, ...netdev(nic.backend) }), json('-device', device)]
}

function netdev(backend: NicBackend): object {
  switch (backend.kind) {
    case 'user':
      return { type: 'user', ...(backend.forwards.length > 0 ? { hostfwd: backend.forwards.map(hostForward) } : {}) }
    case 'passt':
      return { type: 'stream', server: false, addr: { type: 'unix', path: backend.socket } }
    case 'tap':
      if (backend.fd !== undefined) return { type: 'tap', fd: String(backend.fd), ...vhost(backend.vhostFd) }
      return { type: 'tap', ifname: backend.ifname, script: 'no', downscript: 'no' }
  }
}

function vhost(fd: number | undefined): object {
  return fd === undefined ? {} : { vhost: true, vhostfd: String(fd) }
}

/** Only the host's loopback: a port that is open to the network is not opened by surprise. */
function hostForward({ protocol, hostPort, guestPort }: Forward): object {
  return { str: `${protocol}:127.0.0.1:${hostPort}-:${guestPort}` }
}
