// A cluster's configuration as Pacemaker keeps it, so that a test's cluster knows all when it starts.
// https://clusterlabs.org/projects/pacemaker/doc/2.1/Pacemaker_Explained/html/
import type { NodeAddress } from './clusterfiles.js'

export interface Resource {
  readonly id: string
  /** `ocf:nbsvm:vm`, `stonith:fence_nbsvm_rbd` */
  readonly agent: string
  readonly parameters: Readonly<Record<string, string>>
  readonly meta?: Readonly<Record<string, string>>
  /** What an operation may take, and how often one is repeated. */
  readonly operations?: Readonly<Record<string, { readonly timeout: string; readonly interval?: string }>>
  /** The node where it is, if it can. */
  readonly prefers?: string
}

/**
 * The whole of it. Nodes look for each other for 3 seconds, in place of 20. A node without quorum leaves its VMs as they are: that it is
 * fenced must be enough. All nodes are named, for Pacemaker 3.0 knows of no fence device on one that is not.
 * https://github.com/ClusterLabs/pacemaker/pull/3852
 */
export function cib(resources: readonly Resource[], nodes: readonly Pick<NodeAddress, 'id' | 'name'>[]): string {
  const options = {
    'dc-deadtime': '3s',
    'no-quorum-policy': 'freeze',
    'stonith-enabled': 'true',
    'have-watchdog': 'false',
    'cluster-recheck-interval': '30s',
  }
  return `<cib crm_feature_set="3.0.14" validate-with="pacemaker-3.0" epoch="1" num_updates="0" admin_epoch="1"><configuration>
<crm_config>${set('cluster_property_set', 'options', options)}</crm_config>
<nodes>${nodes.map(({ id, name }) => `<node id="${id}" uname="${name}"/>`).join('')}</nodes>
<resources>${resources.map(primitive).join('\n')}</resources>
<constraints>${resources.map(preference).join('\n')}</constraints>
</configuration><status/></cib>
`
}

function primitive({ id, agent, parameters, meta = {}, operations = {} }: Resource): string {
  const [standard = '', ...names] = agent.split(':')
  const provider = names.length > 1 ? ` provider="${names[0]}"` : ''
  const rows = Object.entries(operations).map(
    ([name, { timeout, interval = '0' }]) =>
      `<op id="${id}-${name}" name="${name}" timeout="${timeout}" interval="${interval}"/>`,
  )
  return `<primitive id="${id}" class="${standard}"${provider} type="${names.at(-1)}">
${set('instance_attributes', `${id}-parameters`, parameters)}
${set('meta_attributes', `${id}-meta`, meta)}
<operations>${rows.join('')}</operations></primitive>`
}

function preference({ id, prefers }: Resource): string {
  return prefers === undefined ? '' : `<rsc_location id="${id}-place" rsc="${id}" node="${prefers}" score="50"/>`
}

function set(element: string, id: string, values: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(values).map(([name, value]) => `<nvpair id="${id}-${name}" name="${name}" value="${value}"/>`)
  return `<${element} id="${id}">${pairs.join('')}</${element}>`
}
