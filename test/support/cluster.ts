// A Pacemaker cluster in a box: three machines with the Corosync, Pacemaker and sshd that scripts/pacemaker and scripts/sshd have unpacked,
// between them a network for what they say to each other and one for the rest. Nothing of it is seen outside. Root's alone.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after } from 'node:test'
import { run, type Result } from '../cli.js'
import { cib, type Resource } from './cib.js'
import { addressOf, nodePath, storageAddress, systemFiles } from './clusterfiles.js'
import { makeSpace, nodeKinds, nodeScript, type Space } from './clusternode.js'

const unpacked = path.resolve('build/pacemaker')

/** Why there can be no cluster here; false where it can. */
export const whyNoCluster: string | false = why()

function why(): string | false {
  if (process.geteuid?.() !== 0) return 'machines with networks and users of their own need root'
  return fs.existsSync(path.join(unpacked, 'usr/sbin/pacemakerd')) ? false : 'there is no Pacemaker: scripts/pacemaker gets it'
}

export interface ClusterNode {
  readonly name: string
  /** Its /var/lib, which outlives it. */
  readonly varLib: string
  /** Runs a program there to its end. */
  readonly run: (...command: readonly string[]) => Promise<Result>
  /** Switches it on. */
  readonly boot: () => Promise<void>
  /** Pulls the plug. */
  readonly kill: () => Promise<void>
  /** Pulls the plug of the network between the nodes, and of that alone; puts it in again. */
  readonly setRing: (state: 'up' | 'down') => void
}

export interface Cluster {
  readonly folder: string
  readonly nodes: readonly ClusterNode[]
}

export interface ClusterOptions {
  /** A folder of the test's own, which goes with the cluster. */
  readonly folder: string
  readonly hub: Hub
  readonly resources: readonly Resource[]
  /** Files of each node, by their path: `/etc/nbsvm/web.vm`. */
  readonly files: Readonly<Record<string, string>>
  /** A folder of programs that come before those of the machine. */
  readonly programs: string
  /** Lines of shell for each node, before its daemons. */
  readonly prepare: string
}

/** A folder for a cluster, which everybody may enter: QEMU runs as users of its own. */
export function clusterFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-cluster-'))
  fs.chmodSync(folder, 0o755)
  return folder
}

/** The networks between the nodes, and a place in that for storage. */
export interface Hub {
  readonly storage: { readonly address: string; readonly inside: readonly string[] }
  /** Runs a line of shell there; throws with its words where it fails. */
  readonly sh: (command: string) => void
}

/** Its networks are there until the test file ends. */
export async function makeHub(): Promise<Hub> {
  const space = await makeSpace([], hubScript)
  after(() => space.end())
  const inside = ['nsenter', '-t', String(space.pid), '-n']
  return {
    storage: { address: storageAddress, inside },
    sh: (command) => {
      const [enter, ...words] = [...inside, 'sh', '-euc', command]
      const { status, stderr } = spawnSync(enter, words, { encoding: 'utf8' })
      if (status !== 0) throw new Error(`${command}: ${stderr}`)
    },
  }
}

/** Three nodes that have been switched on; they find each other within seconds. */
export async function makeCluster({ folder, hub, resources, files, programs, prepare }: ClusterOptions): Promise<Cluster> {
  const spaces = new Map<string, Space>()
  after(async () => {
    await Promise.all([...spaces.values()].map(({ end }) => end()))
    fs.rmSync(folder, { recursive: true })
  })
  const above = [unpacked, path.resolve('build/sshd')].map((one) => path.join(one, 'usr')).filter((one) => fs.existsSync(one))
  const addresses = [1, 2, 3].map(addressOf)
  const search = `${programs}:${nodePath}`
  const all = { ...systemFiles(folder, addresses, search), ...files, '/var/lib/pacemaker/cib/cib.xml': cib(resources, addresses) }
  const nodes = addresses.map((address): ClusterNode => {
    const { name } = address
    const own = path.join(folder, name)
    writeFiles(path.join(own, 'root'), all)
    const script = nodeScript(address, { own, above, prepare, search })
    const plugIn = (pid: number): void => {
      for (const net of ['ring', 'storage']) {
        const end = `${net}-${address.id}`
        hub.sh(`ip link add ${end} type veth peer name ${net} netns ${pid}; ip link set ${end} master ${net} up`)
      }
    }
    return {
      name,
      varLib: path.join(own, 'root/var/lib'),
      boot: async () => {
        spaces.set(name, await makeSpace(nodeKinds, script, plugIn))
      },
      kill: async () => spaces.get(name)?.end(),
      run: (...command) =>
        run('nsenter', [...enter(spaces.get(name)), ...command], { PATH: search, LC_ALL: 'C.UTF-8', HOME: '/root' }),
      setRing: (state) => hub.sh(`ip link set ring-${address.id} ${state}`),
    }
  })
  await Promise.all(nodes.map(({ boot }) => boot()))
  return { folder, nodes }
}

// Of addresses of their own: a bridge without one takes that of one of its ports, and changes it with that node's end, so that the others
// would not find the storage for half a minute.
const hubScript = `
ip link add ring address 02:00:00:00:00:01 type bridge forward_delay 0
ip link add storage address 02:00:00:00:00:02 type bridge forward_delay 0
for net in ring storage; do ip link set $net up; done
ip addr add ${storageAddress}/24 dev storage
ip link set lo up
echo ready >&3
exec sleep 1000`

/** The first process of a node is the child of unshare, which itself stays outside. */
function enter(space: Space | undefined): string[] {
  const first = fs.readFileSync(`/proc/${space?.pid}/task/${space?.pid}/children`, 'utf8').trim()
  return ['-t', first, '-m', '-n', '-p', '-i', '-u', '--']
}

function writeFiles(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(root + name), { recursive: true })
    fs.writeFileSync(root + name, text, { mode: name.endsWith('/key') ? 0o600 : 0o644 })
  }
}
