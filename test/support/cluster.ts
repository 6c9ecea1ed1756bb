// A Pacemaker cluster in a box: each node has a network, processes, mounts and a name of its own, over one bridge, with the Corosync, Pacemaker
// and sshd of build/. Nothing of it is seen outside, and a node goes as if its plug was pulled. Root's alone.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after } from 'node:test'
import { program, run, until, type Result } from '../cli.js'
import { propagation } from '../propagation.js'

const unpacked = path.resolve('build/pacemaker')
const sshd = path.resolve('build/sshd')

/** Why there can be no cluster here; false where it can. */
export const whyNoCluster: string | false =
  process.geteuid?.() !== 0
    ? 'nodes with networks and users of their own need root'
    : fs.existsSync(path.join(unpacked, 'usr/sbin/pacemakerd'))
      ? false
      : 'there is no Pacemaker: scripts/pacemaker gets it'

export interface ClusterNode {
  readonly name: string
  readonly address: string
  /** Its /var/lib, which outlives it. */
  readonly varLib: string
  /** Runs a program there to its end. */
  readonly run: (command: string, args: readonly string[]) => Promise<Result>
  /** Pulls the plug. */
  readonly kill: () => void
  readonly isUp: () => boolean
  /** Pulls the network's plug. */
  readonly cutOff: () => void
}

export interface Cluster {
  readonly nodes: readonly ClusterNode[]
  /** Runs a program in the network between the nodes, as 10.9.0.254. */
  readonly between: (command: string) => string
}

export interface ClusterOptions {
  readonly folder: string
  /** What is configured: `<resources>` and what else stands after `<nodes>`. */
  readonly resources: string
  /** Files of each node, by their path: `/etc/nbsvm/web.vm`. */
  readonly files: Readonly<Record<string, string>>
  /** A line of shell that is run in each node before its daemons. */
  readonly prepare?: string
}

/** Three nodes whose daemons have been started; whoever needs it waits until they have found each other. */
export async function makeCluster({ folder, resources, files, prepare = '' }: ClusterOptions): Promise<Cluster> {
  const names = ['node1', 'node2', 'node3']
  const hub = await ready('unshare', ['--mount', '--net', ...propagation(), 'sh', '-euc', hubScript])
  const between = (command: string): string => {
    const { status, stdout, stderr } = spawnSync('nsenter', ['-t', String(hub.pid), '-n', 'sh', '-euc', command], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`${command}: ${stderr}`)
    return stdout
  }
  const nodes: ClusterNode[] = []
  const common = { ...systemFiles(names), ...sshFiles(folder, names) }
  for (const [at, name] of names.entries()) {
    const own = path.join(folder, name)
    const address = addressOf(at)
    writeFiles(path.join(own, 'root'), {
      ...common,
      ...files,
      '/var/lib/pacemaker/cib/cib.xml': cib(resources),
    })
    fs.writeFileSync(path.join(own, 'up'), nodeScript({ name, own, address, prepare }))
    const child = await ready(
      'unshare',
      [
        '--mount',
        '--net',
        '--pid',
        '--fork',
        '--ipc',
        '--uts',
        '--kill-child',
        '--mount-proc',
        ...propagation(),
        'sh',
        '-eu',
        `${own}/up`,
      ],
      (pid) => between(`ip link add ${name} type veth peer name eth0 netns ${pid}; ip link set ${name} master hub up`),
    )
    nodes.push(makeNode({ name, address, varLib: path.join(own, 'root/var/lib'), child, between }))
  }
  return { nodes, between }
}

function makeNode({
  name,
  address,
  varLib,
  child,
  between,
}: Pick<ClusterNode, 'name' | 'address' | 'varLib'> & { child: ChildProcess; between: Cluster['between'] }): ClusterNode {
  // The first process of the namespace is the child of unshare, which itself stays outside of it.
  const first = (): string => fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim()
  return {
    name,
    address,
    varLib,
    run: (command, args) =>
      run('nsenter', ['-t', first(), '-m', '-n', '-p', '-i', '-u', '--', command, ...args], {
        PATH: nodePath,
        LC_ALL: 'C.UTF-8',
      }),
    kill: () => void child.kill('SIGKILL'),
    isUp: () => child.exitCode === null && child.signalCode === null,
    cutOff: () => void between(`ip link set ${name} down`),
  }
}

const addressOf = (at: number): string => `10.9.0.${at + 1}`

const nodePath = `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${path.dirname(process.execPath)}`

const hubScript = `
  ip link add hub type bridge forward_delay 0
  ip addr add 10.9.0.254/24 dev hub
  ip link set hub up
  ip link set lo up
  echo ready
  exec sleep 1000`

/** Mounts what is the node's own over what is the machine's, and starts the daemons. Its first process is the shell that waits for them. */
function nodeScript({ name, own, address, prepare }: { name: string; own: string; address: string; prepare: string }): string {
  const root = path.join(own, 'root')
  const above = [unpacked, sshd].filter((folder) => fs.existsSync(path.join(folder, 'usr'))).map((folder) => `${folder}/usr`)
  return `
exec >${own}/log 2>&1 4>&1
hostname ${name}
mount -t tmpfs tmpfs /run
mkdir -p /run/above/usr /run/above/work /run/sshd /run/lock
mount -t overlay overlay -o lowerdir=${[...above, '/usr'].join(':')},upperdir=/run/above/usr,workdir=/run/above/work /usr
mount -t overlay overlay -o lowerdir=${root}/etc:/etc /etc
mount --bind ${root}/var/lib /var/lib
mount -t tmpfs tmpfs /var/log
mount -t tmpfs tmpfs /dev/shm
mount -t sysfs sysfs /sys
export PATH=${nodePath} LC_ALL=C.UTF-8
ln -sf ${program} /usr/local/bin/nbsvm
mkdir -p /var/lib/corosync /var/lib/pacemaker/pengine /var/lib/pacemaker/blackbox /var/lib/pacemaker/cores /var/log/pacemaker /var/log/corosync
chown -R hacluster:haclient /var/lib/pacemaker /var/log/pacemaker
while ! ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
ip link set lo up
ip addr add ${address}/24 dev eth0
ip link set eth0 up
${prepare}
[ ! -x /usr/sbin/sshd ] || /usr/sbin/sshd -f /etc/ssh/node_config
corosync -f &
until corosync-cfgtool -s >/dev/null 2>&1; do sleep 0.1; done
pacemakerd &
echo ready >&3
wait`
}

/** Starts a namespace that says `ready` on its stdout, or on descriptor 3 where that goes to a log; it ends with the test file. */
async function ready(
  command: string,
  args: readonly string[],
  meanwhile: (pid: number) => void = () => {},
): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] })
  after(() => void child.kill('SIGKILL'))
  const said = [child.stdout, child.stdio[3] as net.Socket]
  const isReady = new Promise<void>((resolve, reject) => {
    for (const stream of said) stream?.on('data', (bytes: Buffer) => bytes.includes('ready') && resolve())
    child.on('error', reject).on('exit', (status) => reject(new Error(`a node ended with ${status}`)))
  })
  if (child.pid !== undefined) {
    const space = `/proc/${child.pid}/ns/net`
    await until('a network namespace', 5000, () => fs.readlinkSync(space) !== fs.readlinkSync('/proc/self/ns/net'))
    meanwhile(child.pid)
  }
  await isReady
  // Neither it nor its pipes shall keep the tests from ending.
  child.unref()
  for (const stream of said) (stream as net.Socket).unref()
  return child
}

function writeFiles(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(root + name), { recursive: true })
    fs.writeFileSync(root + name, text, { mode: name.endsWith('key') ? 0o600 : 0o644 })
  }
}

function systemFiles(names: readonly string[]): Record<string, string> {
  const accounts = fs
    .readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .filter((line) => !/^(root|sshd|hacluster):/.test(line))
    .join('\n')
  const groups = fs
    .readFileSync('/etc/group', 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('haclient:'))
    .join('\n')
  return {
    '/etc/passwd': `root:x:0:0:root:/etc/home:/bin/sh\nsshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\nhacluster:x:60501:60501::/:/usr/sbin/nologin\n${accounts}`,
    '/etc/group': `haclient:x:60501:\n${groups}`,
    '/etc/hostname': `${os.hostname()}\n`,
    '/etc/hosts': ['127.0.0.1 localhost', ...names.map((name, at) => `${addressOf(at)} ${name}`), ''].join('\n'),
    '/etc/corosync/corosync.conf': corosyncConf(names),
  }
}

/** One key for all: who has it may log in as root on each node. */
function sshFiles(folder: string, names: readonly string[]): Record<string, string> {
  const key = path.join(folder, 'key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  const [secret, known] = [key, `${key}.pub`].map((file) => fs.readFileSync(file, 'utf8'))
  const server = [
    'HostKey /etc/ssh/key',
    'AuthorizedKeysFile /etc/ssh/authorized',
    'StrictModes no',
    'UsePAM no',
    `SetEnv PATH=${nodePath}`,
  ]
  return {
    '/etc/ssh/key': secret ?? '',
    '/etc/ssh/authorized': known ?? '',
    '/etc/ssh/node_config': [...server, 'PermitRootLogin yes', ''].join('\n'),
    '/etc/ssh/ssh_known_hosts': names.map((name) => `${name} ${known}`).join(''),
    '/etc/ssh/ssh_config': 'IdentityFile /etc/ssh/key\n',
  }
}

function corosyncConf(names: readonly string[]): string {
  const nodes = names.map(
    (name, at) => `  node {\n    name: ${name}\n    nodeid: ${at + 1}\n    ring0_addr: ${addressOf(at)}\n  }\n`,
  )
  return `totem {
  version: 2
  cluster_name: nbsvm
  transport: knet
  token: 2000
}
nodelist {
${nodes.join('')}}
quorum {
  provider: corosync_votequorum
}
system {
  sched_rr: no
  allow_knet_handle_fallback: yes
}
logging {
  to_stderr: yes
  to_syslog: no
}
`
}

/** Nodes look for each other for 3 seconds, in place of 20. */
function cib(resources: string): string {
  const options = { 'dc-deadtime': '3s', 'stonith-enabled': 'true', 'have-watchdog': 'false', 'cluster-recheck-interval': '30s' }
  const pairs = Object.entries(options).map(([name, value]) => `<nvpair id="option-${name}" name="${name}" value="${value}"/>`)
  return `<cib crm_feature_set="3.0.14" validate-with="pacemaker-3.0" epoch="1" num_updates="0" admin_epoch="1"><configuration>
<crm_config><cluster_property_set id="options">${pairs.join('')}</cluster_property_set></crm_config><nodes/>
${resources}</configuration><status/></cib>
`
}
