// Other machines in a box: each a real sshd, started anew for each connection as inetd would (no port is taken), in front of an nbsvm
// with a home of its own. The caller's ssh knows them by name.
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { program } from '../cli.js'
import { propagation } from '../propagation.js'

/** Where the machine's own OpenSSH has its server, and where `scripts/sshd` puts one. */
const places = [path.resolve('build/sshd/usr/sbin/sshd'), '/usr/sbin/sshd', '/usr/bin/sshd']
const sshd = places.find((file) => fs.existsSync(file))

const libraries = ['usr/lib', 'lib'].map((folder) => path.resolve('build/sshd', folder, 'x86_64-linux-gnu')).join(':')

/** Why there can be no such machine here; false where it can. */
export const whyNoMachine: string | false = sshd === undefined ? 'there is no sshd: scripts/sshd gets one' : false

/** A folder of its own, and the environment of what runs there. */
export interface Place {
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  /** Words before a command that is run there, where it has a network of its own. */
  readonly inside?: readonly string[]
}

export interface Server {
  /** Where its nbsvm is. */
  readonly bin: string
  /** The file of its sshd. */
  readonly config: string
  /** Where it keeps what is there for a moment. */
  readonly temporary: string
  /** Kills its end of the connection that there is. */
  readonly cut: () => void
}

/** Gives each place an sshd, by which the caller's ssh, put into its PATH, gets there by name. */
export function serve<P extends Place>(caller: Place, machines: ReadonlyMap<string, P>): Map<string, P & Server> {
  const keys = path.join(caller.folder, 'keys')
  fs.mkdirSync(keys, { mode: 0o700 })
  const makeKey = (name: string): string => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(keys, name)])
    return path.join(keys, name)
  }
  const mine = makeKey('mine')
  const authorized = path.join(keys, 'authorized')
  fs.copyFileSync(`${mine}.pub`, authorized)
  const known = path.join(keys, 'known_hosts')
  const served = new Map(
    [...machines].map(([name, there]) => {
      const bin = path.join(there.folder, 'bin')
      const temporary = path.join(there.folder, 'tmp')
      fs.mkdirSync(bin)
      fs.mkdirSync(temporary)
      fs.symlinkSync(program, path.join(bin, 'nbsvm'))
      const hostKey = makeKey(name)
      fs.appendFileSync(known, `${name} ${fs.readFileSync(`${hostKey}.pub`, 'utf8')}`)
      const config = path.join(keys, `${name}.config`)
      const env = { ...there.env, TMPDIR: temporary, PATH: `${bin}:${process.env['PATH']}` }
      fs.writeFileSync(config, serverConfig({ hostKey, authorized, env }))
      const cut = (): void => killSshd(Number(fs.readFileSync(`${config}.pid`, 'utf8')))
      return [name, { ...there, bin, config, temporary, cut }] as const
    }),
  )
  const clientConfig = path.join(keys, 'config')
  fs.writeFileSync(
    clientConfig,
    [...served].map(([name, { config, inside }]) => `Host ${name}\n  ProxyCommand ${serverCommand(config, inside)}\n`).join('') +
      `Host *\n  User ${os.userInfo().username}\n  IdentityFile ${mine}\n  IdentitiesOnly yes\n  UserKnownHostsFile ${known}\n  StrictHostKeyChecking yes\n`,
  )
  // The ssh of the user, who has such a config.
  const ssh = execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim()
  const bin = path.join(caller.folder, 'bin')
  fs.mkdirSync(bin, { recursive: true })
  fs.writeFileSync(path.join(bin, 'ssh'), `#!/bin/sh\nexec ${ssh} -F ${clientConfig} "$@"\n`, { mode: 0o755 })
  caller.env['PATH'] = `${bin}:${caller.env['PATH']}`
  return served
}

/** An sshd is two processes from OpenSSH 9.8 on, for root too; what runs for the user is a child of the second, and not meant. */
function killSshd(pid: number): void {
  const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  const isSshd = (child: number): boolean => fs.readFileSync(`/proc/${child}/comm`, 'utf8').startsWith('sshd')
  for (const one of [pid, ...children.filter(isSshd)]) kill(one)
}

/** One that has just ended with the other is what is wanted. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function serverConfig({ hostKey, authorized, env }: { hostKey: string; authorized: string; env: NodeJS.ProcessEnv }): string {
  const set = Object.entries(env).map(([name, value]) => `"${name}=${value}"`)
  const helpers = [
    ['SshdSessionPath', 'sshd-session'],
    ['SshdAuthPath', 'sshd-auth'],
  ].flatMap(([option, name]) => {
    const file = path.resolve(`build/sshd/usr/lib/openssh/${name}`)
    return sshd === places[0] && fs.existsSync(file) ? [`${option} ${file}`] : []
  })
  const lines = [
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${authorized}`,
    'StrictModes no',
    'PidFile none',
    'UsePAM no',
    `SetEnv ${set.join(' ')}`,
  ]
  return [...lines, 'PermitRootLogin yes', 'LogLevel ERROR', ...helpers, ''].join('\n')
}

/** As root sshd wants a user of its own and a folder that is root's: it gets both where nobody else sees them. */
function serverCommand(config: string, inside: readonly string[] = []): string {
  const library = sshd === places[0] ? `LD_LIBRARY_PATH=${libraries} ` : ''
  const isRoot = process.getuid?.() === 0
  const forRoot = [
    'mount -t tmpfs none /run && mkdir /run/sshd',
    "{ cat /etc/passwd; echo 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin'; } >/run/passwd && mount --bind /run/passwd /etc/passwd",
  ]
  const lines = ['#!/bin/sh', `echo $$ >${config}.pid`, ...(isRoot ? forRoot : []), `exec env ${library}${sshd} -i -f ${config}`]
  const script = `${config}.serve`
  fs.writeFileSync(script, `${lines.join('\n')}\n`, { mode: 0o755 })
  const own = isRoot ? ['unshare', '--mount', ...propagation()] : []
  return [...inside, ...own, script].join(' ')
}

/** Ends all that a caller shares, whose state is there, so that nothing stays for a minute. */
export function disconnect(state: string): void {
  for (const socket of sockets(state)) control(socket, 'exit')
}

/** Kills the processes that hold it. */
export function cutAll(state: string): void {
  for (const socket of sockets(state)) {
    const [, pid] = /\(pid=(\d+)\)/.exec(control(socket, 'check')) ?? []
    if (pid !== undefined) process.kill(Number(pid), 'SIGKILL')
  }
}

function control(socket: string, what: 'check' | 'exit'): string {
  const command = ['-F', '/dev/null', '-o', `ControlPath=${socket}`, '-O', what, 'any']
  return spawnSync('ssh', command, { encoding: 'utf8' }).stderr
}

function sockets(state: string): string[] {
  const folder = path.join(state, '.ssh')
  return fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => path.join(folder, name)) : []
}
