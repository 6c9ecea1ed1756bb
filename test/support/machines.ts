// Other machines in a box: each a real sshd, started anew for each connection as inetd would (no port is taken), in front of an nbsvm
// with a home of its own. The caller's ssh knows them by name.
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after } from 'node:test'
import { makeHome, program, type Home } from '../cli.js'
import { propagation } from '../propagation.js'

/** Where the machine's own OpenSSH has its server, and where `scripts/sshd` puts one. */
const places = [path.resolve('build/sshd/usr/sbin/sshd'), '/usr/sbin/sshd', '/usr/bin/sshd']
const sshd = places.find((file) => fs.existsSync(file))

const libraries = ['usr/lib', 'lib'].map((folder) => path.resolve('build/sshd', folder, 'x86_64-linux-gnu')).join(':')

/** Why there can be no such machine here; false where it can. */
export const whyNoMachine: string | false = sshd === undefined ? 'there is no sshd: scripts/sshd gets one' : false

export interface Machines {
  /** The caller's. */
  readonly home: Home
  /** What of it the other machine has. */
  readonly of: (name: string) => Home & { readonly bin: string; readonly config: string }
}

/** The caller, whose ssh knows the machines of these names. */
export function makeMachines(...names: readonly string[]): Machines {
  // Before the home is removed, which is the next.
  const folders: string[] = []
  after(() => {
    for (const folder of folders) for (const socket of list(path.join(folder, 'state/.ssh'))) disconnect(socket)
  })
  const home = makeHome()
  folders.push(home.folder)
  const keys = path.join(home.folder, 'keys')
  fs.mkdirSync(keys, { mode: 0o700 })
  const makeKey = (name: string): string => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(keys, name)])
    return path.join(keys, name)
  }
  const mine = makeKey('mine')
  fs.copyFileSync(`${mine}.pub`, path.join(keys, 'authorized'))
  const known = path.join(keys, 'known_hosts')
  const machines = new Map(
    names.map((name) => {
      const there = makeHome()
      folders.push(there.folder)
      const bin = path.join(there.folder, 'bin')
      fs.mkdirSync(bin)
      fs.symlinkSync(program, path.join(bin, 'nbsvm'))
      const hostKey = makeKey(name)
      fs.appendFileSync(known, `${name} ${fs.readFileSync(`${hostKey}.pub`, 'utf8')}`)
      const config = path.join(keys, `${name}.config`)
      fs.writeFileSync(
        config,
        serverConfig({
          hostKey,
          authorized: path.join(keys, 'authorized'),
          env: { ...there.env, PATH: `${bin}:${process.env['PATH']}` },
        }),
      )
      return [name, { ...there, bin, config }] as const
    }),
  )
  const clientConfig = path.join(keys, 'config')
  const user = os.userInfo().username
  fs.writeFileSync(
    clientConfig,
    [...machines].map(([name, { config }]) => `Host ${name}\n  ProxyCommand ${serverCommand(config)}\n`).join('') +
      `Host *\n  User ${user}\n  IdentityFile ${mine}\n  IdentitiesOnly yes\n  UserKnownHostsFile ${known}\n  StrictHostKeyChecking yes\n`,
  )
  // The ssh of the user, who has such a config.
  const ssh = execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim()
  const bin = path.join(home.folder, 'bin')
  fs.mkdirSync(bin)
  fs.writeFileSync(path.join(bin, 'ssh'), `#!/bin/sh\nexec ${ssh} -F ${clientConfig} "$@"\n`, { mode: 0o755 })
  home.env['PATH'] = `${bin}:${home.env['PATH']}`
  // They reach each other as well.
  for (const there of machines.values()) fs.copyFileSync(path.join(bin, 'ssh'), path.join(there.bin, 'ssh'))
  return {
    home,
    of: (name) => {
      const found = machines.get(name)
      if (found === undefined) throw new Error(`no machine ${name}`)
      return found
    },
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
function serverCommand(config: string): string {
  const library = sshd === places[0] ? `LD_LIBRARY_PATH=${libraries} ` : ''
  const server = `exec env ${library}${sshd} -i -f ${config}`
  if (process.getuid?.() !== 0) return server.replace(/^exec /, '')
  const script = path.join(path.dirname(config), 'serve')
  const lines = [
    '#!/bin/sh',
    'mount -t tmpfs none /run && mkdir /run/sshd',
    "{ cat /etc/passwd; echo 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin'; } >/run/passwd && mount --bind /run/passwd /etc/passwd",
    server,
  ]
  fs.writeFileSync(script + path.basename(config), `${lines.join('\n')}\n`, { mode: 0o755 })
  return `unshare --mount ${propagation().join(' ')} ${script}${path.basename(config)}`
}

/** Ends what is shared there, so that nothing stays for a minute. */
function disconnect(socket: string): void {
  spawnSync('ssh', ['-F', '/dev/null', '-o', `ControlPath=${socket}`, '-O', 'exit', 'any'], { stdio: 'ignore' })
}

function list(folder: string): string[] {
  return fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => path.join(folder, name)) : []
}
