// Network cards of a VirtualMachine of KubeVirt.
import type { Yaml } from '../../core/yaml.js'
import type { Machine } from '../../model/machine.js'
import type { Nic } from '../../model/nic.js'
import { dnsLabel } from './exported.js'

export interface Nets {
  readonly interfaces: readonly Yaml[]
  readonly networks: readonly Yaml[]
  readonly notes: readonly string[]
}

/** As it calls the models of network cards. */
const cards: ReadonlySet<string> = new Set(['e1000', 'e1000e', 'igb', 'ne2k_pci', 'pcnet', 'rtl8139'])

/** A card on a bridge wants a network of that name (Multus); one on the user network has that of the pod, as only one card can. */
export function netsOf({ nics }: Machine): Nets {
  if ('words' in nics) return { interfaces: [], networks: [], notes: [] }
  const pod = nics.findIndex((nic) => bridgeOf(nic) === undefined)
  const taken = nics.filter((nic, index) => bridgeOf(nic) !== undefined || index === pod)
  const names = taken.map((_, index) => `net${index}`)
  const ports = taken.flatMap(({ backend }) => (backend.kind === 'tap' ? [] : backend.forwards))
  return {
    interfaces: taken.map((nic, index) => ({
      name: names[index],
      model: modelOf(nic),
      macAddress: nic.mac,
      ...(bridgeOf(nic) === undefined ? { masquerade: {} } : { bridge: {} }),
    })),
    networks: taken.map((nic, index) => {
      const bridge = bridgeOf(nic)
      return { name: names[index], ...(bridge === undefined ? { pod: {} } : { multus: { networkName: networkOf(bridge) } }) }
    }),
    notes: [
      ...nics
        .filter((nic) => !taken.includes(nic))
        .map(({ mac }) => `network card ${mac}: only one can have the network of the pod`),
      ...taken.flatMap((nic) => {
        const bridge = bridgeOf(nic)
        return bridge === undefined
          ? []
          : [`bridge=${bridge}: a NetworkAttachmentDefinition ${networkOf(bridge)} must lead to a bridge of the nodes`]
      }),
      ...ports.map(
        ({ hostPort, guestPort, protocol }) => `forward: ${hostPort}:${guestPort}/${protocol}: make a Service (virtctl expose)`,
      ),
    ],
  }
}

function modelOf({ model }: Nic): string {
  return cards.has(model) ? model : 'virtio'
}

function bridgeOf({ backend }: Nic): string | undefined {
  return backend.kind === 'tap' ? backend.bridge : undefined
}

function networkOf(bridge: string): string {
  return dnsLabel(bridge).toLowerCase() || 'bridge'
}
