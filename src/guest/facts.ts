// What a guest says of itself through its agent, for people to read: bounded, and without what a terminal would obey.
import { printable } from '../core/text.js'
import { deadlineIn } from '../sys/clock.js'
import { AgentRefused, type Agent } from './agent.js'

/** What is not known, as the agent is too old or may not tell, is null. */
export interface GuestFacts {
  readonly hostname: string | null
  /** `Debian GNU/Linux 12 (bookworm)` */
  readonly os: string | null
  /** Those of its network cards, loopback and link-local ones left out. */
  readonly addresses: readonly { readonly interface: string; readonly address: string }[]
}

const longestText = 200
const longestName = 32
const mostAddresses = 64

/** Asks an agent, for at most `timeoutMs` in all. */
export async function guestFacts(agent: Agent, timeoutMs: number): Promise<GuestFacts> {
  const deadline = deadlineIn(timeoutMs)
  const limits = () => ({ timeoutMs: deadline.leftMs })
  const host = await orRefused(agent.ask('guest-get-host-name', {}, limits()))
  const system = await orRefused(agent.ask('guest-get-osinfo', {}, limits()))
  const cards = await orRefused(agent.ask('guest-network-get-interfaces', {}, limits()))
  const addresses = (cards ?? []).flatMap(({ name, 'ip-addresses': all }) =>
    (all ?? []).map(({ 'ip-address': address }) => ({ interface: shown(name, longestName), address })),
  )
  return {
    hostname: orNull(host?.['host-name']),
    os: orNull(system?.['pretty-name'] ?? system?.name),
    addresses: addresses.filter(({ address }) => isTold(address)).slice(0, mostAddresses),
  }
}

async function orRefused<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof AgentRefused) return undefined
    throw error
  }
}

function orNull(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : shown(text, longestText)
}

function shown(text: string, length: number): string {
  return printable(text.slice(0, length)).replaceAll(/[\n\t]/g, ' ')
}

/** An address of IPv4 or IPv6 by which somebody else might reach it. */
function isTold(address: string): boolean {
  return /^[0-9a-fA-F:.]{2,45}$/.test(address) && !/^(127\.|::1$|fe80:)/i.test(address)
}

/** What a guest's network cards have carried since it booted, as it counts itself. */
export interface Traffic {
  readonly receivedBytes: number
  readonly sentBytes: number
}

/** Asks an agent, which may be too old to count; its loopback is left out. */
export async function guestTraffic(agent: Agent, timeoutMs: number): Promise<Traffic | undefined> {
  const cards = await orRefused(agent.ask('guest-network-get-interfaces', {}, { timeoutMs }))
  const counted = (cards ?? []).flatMap(({ name, statistics }) => (name === 'lo' ? [] : (statistics ?? [])))
  if (counted.length === 0) return undefined
  const sum = (what: 'rx-bytes' | 'tx-bytes'): number => counted.reduce((bytes, card) => bytes + card[what], 0)
  return { receivedBytes: sum('rx-bytes'), sentBytes: sum('tx-bytes') }
}
