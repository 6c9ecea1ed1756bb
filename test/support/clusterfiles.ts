// What is in the /etc of a test cluster's nodes that the machine's own has otherwise.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

/** A node's place in its networks, which both are bridges of the box: what the nodes say to each other, and what they reach besides. */
export interface NodeAddress {
  readonly name: string
  readonly id: number
  /** 10.9.0.0/24 */
  readonly ring: string
  /** 10.8.0.0/24 */
  readonly storage: string
}

export function addressOf(id: number): NodeAddress {
  return { name: `node${id}`, id, ring: `10.9.0.${id}`, storage: `10.8.0.${id}` }
}

/** Where storage is that all nodes reach. */
export const storageAddress = '10.8.0.254'

/** Where programs are looked for there. */
export const nodePath = `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${path.dirname(process.execPath)}`

/** Files by their paths. `folder` is for a key; `search` is PATH for whoever logs in. */
export function systemFiles(folder: string, nodes: readonly NodeAddress[], search: string): Record<string, string> {
  return {
    '/etc/passwd': [
      'root:x:0:0:root:/root:/bin/sh',
      'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin',
      'hacluster:x:60501:60501::/:/usr/sbin/nologin',
      ...others('/etc/passwd', /^(root|sshd|hacluster):/),
    ].join('\n'),
    '/etc/group': ['haclient:x:60501:', ...others('/etc/group', /^haclient:/)].join('\n'),
    '/etc/hosts': ['127.0.0.1 localhost', ...nodes.map(({ name, storage }) => `${storage} ${name}`), ''].join('\n'),
    '/etc/corosync/corosync.conf': corosyncConf(nodes),
    ...sshFiles(folder, nodes, search),
  }
}

function others(file: string, own: RegExp): string[] {
  return fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !own.test(line))
}

/** One key for all: who has it may log in as root on each node, and is each node. */
function sshFiles(folder: string, nodes: readonly NodeAddress[], search: string): Record<string, string> {
  const key = path.join(folder, 'key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  const open = fs.readFileSync(`${key}.pub`, 'utf8')
  const server = ['HostKey /etc/ssh/key', 'AuthorizedKeysFile /etc/ssh/authorized', 'StrictModes no', 'UsePAM no']
  return {
    '/etc/ssh/key': fs.readFileSync(key, 'utf8'),
    '/etc/ssh/authorized': open,
    '/etc/ssh/node_config': [...server, `SetEnv PATH=${search}`, 'PermitRootLogin yes', ''].join('\n'),
    '/etc/ssh/ssh_known_hosts': nodes.map(({ name }) => `${name} ${open}`).join(''),
    '/etc/ssh/ssh_config': 'Host *\n  IdentityFile /etc/ssh/key\n  BatchMode yes\n',
  }
}

function corosyncConf(nodes: readonly NodeAddress[]): string {
  const rows = nodes.map(({ name, id, ring }) => `  node {\n    name: ${name}\n    nodeid: ${id}\n    ring0_addr: ${ring}\n  }\n`)
  return `totem {
  version: 2
  cluster_name: nbsvm
  transport: knet
  token: 2000
}
nodelist {
${rows.join('')}}
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
