// A real Ceph of one node, in a folder of its own, on the loopback, not as root: a monitor and OSDs, of the programs that `scripts/ceph` has
// put into build/ceph, or that are installed. It is gone when the test file ends, whatever happens.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after } from 'node:test'
import { until } from '../cli.js'
import { freePort } from '../guest.js'

const unpacked = path.resolve('build/ceph')
const hasUnpacked = fs.existsSync(path.join(unpacked, 'bin/ceph-osd'))

/** Why there can be no Ceph here; false where it can. */
export const whyNoCeph: string | false =
  hasUnpacked || ['ceph-mon', 'ceph-osd', 'ceph', 'rbd'].every((name) => spawnSync(name, ['--version']).status === 0)
    ? false
    : 'there is no Ceph: scripts/ceph gets one'

/** The user whose key opens what is in the pool, and nothing else. */
export const user = 'nbsvm'

export const pool = 'vms'

export interface Ceph {
  readonly folder: string
  readonly conf: string
  /** What nbsvm, and whoever speaks to this Ceph, has in its environment. */
  readonly env: Readonly<Record<string, string>>
  /** Returns when drives can be made. */
  readonly up: () => Promise<void>
  /** Ends it, whatever state it is in. */
  readonly close: () => Promise<void>
  /** Runs one of Ceph's programs as its administrator; throws with its words unless it ends with 0. */
  readonly admin: (...command: readonly string[]) => string
  /** Sends a signal to OSD `number`, or to the monitor. */
  readonly signal: (who: number | 'mon', signal: NodeJS.Signals) => void
  /** Starts an OSD again that was killed. */
  readonly startOsd: (number: number) => void
}

/** The network that a Ceph is in. */
export interface CephPlace {
  readonly address: string
  /** What runs a program in it: words to put before it. */
  readonly inside: readonly string[]
}

const loopback: CephPlace = { address: '127.0.0.1', inside: [] }

/**
 * A folder for a Ceph, which is started by `up`; to be called where a test file, or a suite, begins. `memstore` is up sooner, and forgets
 * what an OSD had when that is killed.
 */
export function makeCeph(objectstore: 'memstore' | 'bluestore', place = loopback): Ceph {
  const ceph = openCeph(objectstore, place)
  after(() => ceph.close())
  return ceph
}

const osds = 2

/** The same for whoever ends it himself. */
export function openCeph(objectstore: 'memstore' | 'bluestore', place = loopback): Ceph {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-ceph-'))
  const running = new Map<number | 'mon', ChildProcess>()
  const close = async (): Promise<void> => {
    const ended = [...running.values()].map(async (child) => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    })
    await Promise.all(ended)
    fs.rmSync(folder, { recursive: true, force: true })
  }
  // Whoever QEMU runs as is to find its configuration's folder, and the programs.
  fs.chmodSync(folder, 0o755)
  const programs = programsFor(folder)
  const env = { PATH: `${programs}:${process.env['PATH']}` }
  const conf = path.join(folder, 'ceph.conf')
  const keyring = path.join(folder, 'keyring')
  const run = (command: readonly string[], input?: string): string => {
    const [program = '', ...args] = [...place.inside, ...command]
    return execFileSync(program, args, {
      env: { ...process.env, ...env },
      encoding: 'utf8',
      input,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
  }
  const admin = (...command: readonly string[]): string => run([command[0] ?? '', '--conf', conf, ...command.slice(1)])
  const start = (who: number | 'mon', args: readonly string[]): void => {
    const program = who === 'mon' ? 'ceph-mon' : 'ceph-osd'
    const words = ['setpriv', '--pdeathsig', 'KILL', path.join(programs, program), '--conf', conf, '--foreground', ...args]
    const [first = '', ...rest] = [...place.inside, ...words]
    running.set(who, spawn(first, rest, { env: { ...process.env, ...env }, stdio: 'ignore' }))
  }
  const startOsd = (number: number): void => start(number, ['-i', String(number)])

  const up = async (): Promise<void> => {
    const fsid = randomUUID()
    const port = await freePort()
    fs.writeFileSync(conf, configuration({ folder, fsid, port, objectstore, address: place.address }))
    const all = Array.from({ length: osds }, (_, number) => ({ number, uuid: randomUUID() }))
    fs.writeFileSync(keyring, keys(run, osds), { mode: 0o600 })
    const own = path.join(folder, `ceph.client.${user}.keyring`)
    fs.writeFileSync(own, `[client.${user}]\n\tkey = ${keyOf(fs.readFileSync(keyring, 'utf8'), `client.${user}`)}\n`, {
      mode: 0o600,
    })
    const map = path.join(folder, 'monmap')
    run(['monmaptool', '--create', '--addv', 'a', `[v2:${place.address}:${port}]`, '--fsid', fsid, map])
    for (const name of ['mon', ...all.map(({ number }) => `osd${number}`)]) fs.mkdirSync(path.join(folder, name))
    run(['ceph-mon', '--conf', conf, '-i', 'a', '--mkfs', '--monmap', map, '--keyring', keyring])
    start('mon', ['-i', 'a'])
    // One program for all of them: each takes half a second to load.
    const orders = [...all.map(({ number, uuid }) => `osd new ${uuid} ${number}`), `osd pool create ${pool} 8`]
    run(['ceph', '--conf', conf], `${orders.join('\n')}\n`)
    for (const { number, uuid } of all) {
      run(['ceph-osd', '--conf', conf, '-i', String(number), '--mkfs', '--osd-uuid', uuid])
      startOsd(number)
    }
    admin('rbd', 'pool', 'init', pool)
    // One that joins later holds everything up for seconds.
    await until('all OSDs', 60_000, () => {
      const { num_up_osds: isUp } = JSON.parse(admin('ceph', 'osd', 'stat', '--format', 'json')) as { num_up_osds: number }
      return isUp === osds
    })
    admin('rbd', 'create', '--size', '1M', `${pool}/first`)
    admin('rbd', 'rm', '--no-progress', `${pool}/first`)
  }
  return {
    up,
    close,
    folder,
    conf,
    env,
    admin,
    startOsd,
    signal: (who, signal) => void running.get(who)?.kill(signal),
  }
}

/** The folder of the programs, where QEMU's user finds them too: a checkout may be closed to others. */
function programsFor(folder: string): string {
  const bin = path.join(unpacked, 'bin')
  if (!hasUnpacked) return bin
  const isOpen = [bin, ...parents(bin)].every((one) => (fs.statSync(one).mode & 0o001) !== 0)
  if (process.geteuid?.() !== 0 || isOpen) return bin
  const copy = path.join(folder, 'programs')
  fs.cpSync(unpacked, copy, { recursive: true, verbatimSymlinks: true })
  return path.join(copy, 'bin')
}

/** The QEMU that has the driver for RBD, where that is none of the system's. */
export function qemuOfCeph({ env }: Pick<Ceph, 'env'>): string | undefined {
  return hasUnpacked ? path.join(env['PATH']?.split(':')[0] ?? '', 'qemu-system-x86_64') : undefined
}

function parents(file: string): string[] {
  const parent = path.dirname(file)
  return parent === file ? [] : [parent, ...parents(parent)]
}

interface Node {
  readonly folder: string
  readonly fsid: string
  readonly port: number
  readonly objectstore: string
  readonly address: string
}

/** Without the two of paxos it takes 7 s longer to come up; the four of OSDs let it see within seconds that one is dead. */
function configuration({ folder, fsid, port, objectstore, address }: Node): string {
  const found = path.join(unpacked, 'usr/lib', `${os.machine()}-linux-gnu`)
  const modules = [
    `plugin dir = ${found}/ceph`,
    `erasure code dir = ${found}/ceph/erasure-code`,
    `osd class dir = ${found}/rados-classes`,
  ]
  return `${[
    '[global]',
    `fsid = ${fsid}`,
    `mon host = v2:${address}:${port}`,
    `keyring = ${folder}/$cluster.$name.keyring,${folder}/keyring`,
    `run dir = ${folder}`,
    `crash dir = ${folder}`,
    'pid file =',
    `log file = ${folder}/$name.log`,
    ...(hasUnpacked ? modules : []),
    'ms bind msgr1 = false',
    `ms bind port min = ${port + 1}`,
    `ms bind port max = ${port + 200}`,
    `public network = ${address}/24`,
    `osd objectstore = ${objectstore}`,
    'memstore device bytes = 2147483648',
    'bluestore block create = true',
    'bluestore block size = 4294967296',
    'osd crush chooseleaf type = 0',
    'osd pool default size = 2',
    'osd pool default min size = 1',
    'osd pool default pg autoscale mode = off',
    'mon allow pool size one = true',
    'paxos propose interval = 0.05',
    'paxos min wait = 0.01',
    'osd heartbeat interval = 1',
    'osd heartbeat grace = 4',
    'mon osd min down reporters = 1',
    'mon osd report timeout = 20',
    '[mon]',
    `mon data = ${folder}/mon`,
    `admin socket = ${folder}/$name.asok`,
    '[osd]',
    `osd data = ${folder}/osd$id`,
    `admin socket = ${folder}/$name.asok`,
  ].join('\n')}\n`
}

/** A keyring with a key for each part of the cluster, its administrator and the user of the drives. */
function keys(run: (command: readonly string[]) => string, osds: number): string {
  const caps: Readonly<Record<string, readonly string[]>> = {
    'mon.': ['mon = "allow *"'],
    'client.admin': ['mon = "allow *"', 'osd = "allow *"', 'mgr = "allow *"'],
    [`client.${user}`]: ['mon = "profile rbd"', `osd = "profile rbd pool=${pool}"`],
    ...Object.fromEntries(
      Array.from({ length: osds }, (_, number) => [`osd.${number}`, ['mon = "allow profile osd"', 'osd = "allow *"']]),
    ),
  }
  const entries = Object.entries(caps).map(([name, words]) => {
    const key = run(['ceph-authtool', '--gen-print-key']).trim()
    return [`[${name}]`, `\tkey = ${key}`, ...words.map((word) => `\tcaps ${word}`)].join('\n')
  })
  return `${entries.join('\n')}\n`
}

function keyOf(keyring: string, name: string): string {
  return new RegExp(`\\[${name}\\]\\s*key = (\\S+)`).exec(keyring)?.[1] ?? ''
}
