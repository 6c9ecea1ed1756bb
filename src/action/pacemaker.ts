import { columns } from '../core/table.js'
import { installAgents, listAgents, removeAgents, type Agent } from '../service/pacemaker.js'
import type { Command } from './verb.js'

export const pacemaker: Command = {
  help: `Has a Pacemaker cluster run VMs: the agents that it needs are files of this package, and install links them to where Pacemaker
looks for them, as root, on each node. Without a word it tells whether they are there.

  nbsvm pacemaker install
  pcs resource create web ocf:nbsvm:vm vm=web meta allow-migrate=true
  nbsvm pacemaker remove           the links only; VMs that run go on

ocf:nbsvm:vm starts, watches, moves and stops a VM. fence_nbsvm_rbd keeps a lost node's VMs from their drives, if these are in Ceph (store=rbd).
Without fencing there is no high availability: two nodes may run one VM then, and destroy its drives. From three bare hosts to a VM that
survives one of them: docs/pacemaker.md in this package's repository. pcs resource describe ocf:nbsvm:vm names the parameters.`,

  async run({ words: [what], flags, out, note }) {
    const agents = what === 'install' ? installAgents() : what === 'remove' ? removeAgents() : listAgents()
    if (flags['json'] === true) out(JSON.stringify(agents, undefined, 2))
    else for (const line of columns(agents.map(cells))) out(line)
    if (what === undefined && agents.some(({ state }) => state === 'missing')) note('install them: nbsvm pacemaker install')
  },
}

function cells({ name, summary, state, link, file }: Agent): string[] {
  const where = { installed: `${link} -> ${file}`, missing: 'not installed', other: `${link}, which is not nbsvm's` }
  return [name, summary, where[state]]
}
