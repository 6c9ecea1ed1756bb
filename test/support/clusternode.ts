// A machine of a test's cluster: namespaces of its own for processes, network, mounts and its name, with daemons in them, and a plug.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import type net from 'node:net'
import path from 'node:path'
import { program, until } from '../cli.js'
import { propagation } from '../propagation.js'
import type { NodeAddress } from './clusterfiles.js'

export interface Space {
  readonly pid: number
  /** Resolves when its last process is gone. */
  readonly end: () => Promise<void>
}

/** Starts a script of sh in namespaces; resolves when it has said `ready` on descriptor 3. `join` gives it a network before. */
export async function makeSpace(
  kinds: readonly string[],
  script: string,
  join: (pid: number) => void = () => {},
): Promise<Space> {
  const words = ['--pdeathsig', 'KILL', 'unshare', '--mount', '--net', ...kinds, ...propagation(), 'sh', '-euc', script]
  const child = spawn('setpriv', words, { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] })
  const said = child.stdio[3] as net.Socket
  const isReady = new Promise<void>((resolve, reject) => {
    said.on('data', (bytes: Buffer) => bytes.includes('ready') && resolve())
    child.on('error', reject).on('exit', (status) => reject(new Error(`it ended with ${status} before it was ready`)))
  })
  const pid = child.pid ?? 0
  // Until then it may be ours still.
  await Promise.race([isReady, until('a network', 10_000, () => fs.readlinkSync(`/proc/${pid}/ns/net`) !== ownNetwork)])
  join(pid)
  await isReady
  // Neither it nor its pipe shall keep the tests from ending.
  child.unref()
  said.unref()
  return { pid, end: () => end(child) }
}

const ownNetwork = fs.readlinkSync('/proc/self/ns/net')

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.ref()
  child.kill('SIGKILL')
  await gone
}

/** The namespaces of a node besides mounts and network. */
export const nodeKinds = ['--pid', '--fork', '--ipc', '--uts', '--kill-child', '--mount-proc']

export interface NodeSetUp {
  /** The node's folder. */
  readonly own: string
  /** Folders whose files count as installed. */
  readonly above: readonly string[]
  /** What is run before the daemons. */
  readonly prepare: string
  /** PATH */
  readonly search: string
}

/**
 * What is run there first: it mounts what is the node's own over what is the machine's, waits for its networks, and starts the daemons.
 */
export function nodeScript(address: NodeAddress, { own, above, prepare, search }: NodeSetUp): string {
  const { name, ring, storage } = address
  const root = path.join(own, 'root')
  return `
exec >>${own}/log 2>&1
hostname ${name}
mount -t tmpfs tmpfs /run
mkdir -p /run/above/usr /run/above/usr.work /run/above/etc /run/above/etc.work /run/sshd /run/lock
mount -t overlay overlay -o lowerdir=${[...above, '/usr'].join(':')},upperdir=/run/above/usr,workdir=/run/above/usr.work /usr
mount -t overlay overlay -o lowerdir=${root}/etc:/etc,upperdir=/run/above/etc,workdir=/run/above/etc.work /etc
mount --bind ${root}/var/lib /var/lib
for folder in /var/log /dev/shm /root; do mount -t tmpfs tmpfs $folder; done
mount -t sysfs sysfs /sys
export PATH=${search} LC_ALL=C.UTF-8 HOME=/root
ln -sf ${program} /usr/local/bin/nbsvm
mkdir -p /var/lib/corosync /var/lib/pacemaker/cib /var/lib/pacemaker/pengine /var/lib/pacemaker/blackbox /var/lib/pacemaker/cores
mkdir -p /var/log/pacemaker
chown -R hacluster:haclient /var/lib/pacemaker /var/log/pacemaker
until ip link show ring >/dev/null 2>&1 && ip link show storage >/dev/null 2>&1; do sleep 0.02; done
ip addr add ${ring}/24 dev ring
ip addr add ${storage}/24 dev storage
for link in lo ring storage; do ip link set $link up; done
${prepare}
[ ! -x /usr/sbin/sshd ] || /usr/sbin/sshd -f /etc/ssh/node_config
corosync -f 3>&- &
until corosync-cfgtool -s >/dev/null 2>&1; do sleep 0.1; done
pacemakerd 3>&- &
echo ready >&3
exec 3>&-
wait`
}
