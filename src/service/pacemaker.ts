// The agents by which Pacemaker runs VMs and fences hosts: links to the package's own files, where Pacemaker looks for such.
import path from 'node:path'
import { Failure } from '../core/errors.js'
import { isRoot } from '../sys/environment.js'
import { list, lstat, makePrivateFolder, readLink, remove, setMode, stat } from '../sys/file.js'
import { setLink } from '../sys/link.js'
import { removeFolder } from '../sys/removal.js'
import { packageFile } from '../sys/self.js'

/** An agent, and what stands where Pacemaker looks for it. */
export interface Agent {
  /** `ocf:nbsvm:vm` */
  readonly name: string
  readonly summary: string
  /** Where Pacemaker looks for it. */
  readonly link: string
  /** The package's own file. */
  readonly file: string
  /** `other`: something that nbsvm has not put there. */
  readonly state: 'installed' | 'missing' | 'other'
}

const resources = 'usr/lib/ocf/resource.d'

const files = [
  { name: 'ocf:nbsvm:vm', summary: 'runs a VM', link: `${resources}/nbsvm/vm`, file: 'pacemaker/vm' },
  {
    name: 'stonith:fence_nbsvm_rbd',
    summary: 'fences a host by the blocklist of Ceph',
    link: 'usr/sbin/fence_nbsvm_rbd',
    file: 'pacemaker/fence_nbsvm_rbd',
  },
]

/** The agents, below the root of a file system. */
export function listAgents(root = '/'): Agent[] {
  return files.map(({ name, summary, link, file }) => {
    const at = path.join(root, link)
    return { name, summary, link: at, file: packageFile(file), state: stateOf(at, file) }
  })
}

/** Links them, also where they lead to another nbsvm. Throws a Failure where there is no Pacemaker, or a file of somebody else. */
export function installAgents(root = '/'): Agent[] {
  const agents = checked('install', root)
  const folder = path.join(root, resources)
  if (stat(folder) === undefined) {
    throw new Failure(`there is no Pacemaker on this machine: ${folder} is missing`, {
      code: 'NOT_INSTALLED',
      hints: ['install it first, on Debian: apt-get install pacemaker pcs'],
    })
  }
  makePrivateFolder(path.join(folder, 'nbsvm'))
  setMode(path.join(folder, 'nbsvm'), 0o755)
  for (const { file, link } of agents) setLink(file, link)
  return listAgents(root)
}

/** Removes the links; what runs goes on, and Pacemaker can no longer ask for it. */
export function removeAgents(root = '/'): Agent[] {
  const agents = checked('remove', root)
  for (const { link, state } of agents) if (state === 'installed') remove(link)
  const folder = path.join(root, resources, 'nbsvm')
  if (list(folder).length === 0) removeFolder(folder)
  return listAgents(root)
}

function checked(doing: string, root: string): Agent[] {
  if (root === '/' && !isRoot())
    throw new Failure(`cannot ${doing} Pacemaker's agents: only root can`, {
      code: 'NOT_ALLOWED',
      hints: [`try: sudo nbsvm pacemaker ${doing}`],
    })
  const agents = listAgents(root)
  const other = agents.find(({ state }) => state === 'other')
  if (other === undefined) return agents
  throw new Failure(`cannot ${doing} ${other.name}: ${other.link} was not put there by nbsvm`, {
    hints: [`look at it: ls -l ${other.link}`, 'then move it away, and try again'],
  })
}

/** A link to a file of this name in a package is nbsvm's own, this one's or an older one's. */
function stateOf(link: string, file: string): Agent['state'] {
  if (lstat(link) === undefined) return 'missing'
  const isLink = lstat(link)?.isSymbolicLink() === true
  return isLink && readLink(link)?.endsWith(`/${file}`) === true ? 'installed' : 'other'
}
