// Two machines' networks with a cable between them: on either side a bridge for taps, as on hosts that VMs move between.
import { makeNetwork, type TestNetwork } from '../netns.js'

export const bridge = 'br0'

export interface Cable {
  readonly here: TestNetwork
  readonly there: TestNetwork
  readonly close: () => void
}

/** Lays it, or returns in words why it cannot be had here. */
export async function layCable(): Promise<Cable | string> {
  const here = await makeNetwork()
  if (typeof here === 'string') return here
  const there = await makeNetwork()
  if (typeof there === 'string') return there
  here.sh(`ip link add cable type veth peer name cable netns ${there.pid}`)
  for (const { sh } of [here, there])
    sh(`ip link add ${bridge} type bridge; ip link set cable master ${bridge}; ip link set cable up; ip link set ${bridge} up`)
  return { here, there, close: () => [here, there].forEach(({ close }) => close()) }
}
