// Making a guest another than the one that it is a copy of, while it runs: by its agent, as root.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import type { Agent, Turn } from '../../guest/agent.js'
import { runProgram, type Ended } from '../../guest/program.js'
import { notLinuxStatus, renewScript, renewSteps, type Identity } from '../../guest/renew.js'
import { cardLine, leaseScript } from '../../guest/renewcards.js'
import { scriptFailure } from '../../guest/shell.js'
import { deadlineIn, pause } from '../../sys/clock.js'
import { randomBytes } from '../../sys/crypto.js'
import type { Vm } from '../record/vm.js'
import { agentTurns } from './agent.js'
import { offsetOf, setClock } from './clock.js'

export interface RenewOptions {
  /** Gives the guest's network cards their links back, where they were cut: called once the guest has its new addresses. */
  readonly restoreLinks?: () => Promise<void>
}

/** The address of IPv4 that a card has now, the guest says. */
export interface CardAddress {
  readonly mac: string
  readonly address: string
}

export interface Renewed {
  /** Of the cards that were waited for, those that have one: mostly another than before. */
  readonly addresses: readonly CardAddress[]
}

/** The kernel's pool has 32 bytes. */
const noiseBytes = 64

/** A guest that is translated on a busy machine takes seconds. */
const scriptMs = 120_000
/** So long an address is waited for. */
const leaseMs = 10_000

/** However much comes meanwhile, an answer is there by then. */
const limits = { timeoutMs: 15_000 }

/** A clock that is so near the host's is left as it is, in milliseconds. */
const asGoodMs = 10

/**
 * Gives the guest of a running VM, which is a copy of another, an identity of its own: random numbers, the key of its sshd, name,
 * machine-id, addresses of its network cards; and the host's time, within 50 ms. Then it waits, for 10 s at most, until each card
 * that had an address of IPv4 has one again; the note says where one has none. Who has cut the links gives them back in between.
 *
 * Rejects with a Failure where any of that does not work: IDENTITY_SHARED, AGENT_SILENT or AGENT_REFUSED. Part of it may be done
 * then. Where a guest has neither perl nor python3 its kernel must have renewed its random numbers by itself, so the VM must have
 * been started with another generation (vmgenid) than the one that it is a copy of.
 */
export async function renewIdentity(
  vm: Vm,
  identity: Identity,
  { restoreLinks }: RenewOptions = {},
  caller: Caller = {},
): Promise<Renewed> {
  const { signal, note } = caller
  const { macs } = identity
  try {
    const turn = agentTurns(vm, 'renew the identity', caller)
    const aheadMs = await turn(offsetOf)
    const said = await run(turn, vm, renewProgram(identity, aheadMs), signal)
    await restoreLinks?.()
    const cards = cardsOf(
      said,
      macs.map(({ to }) => to),
    )
    const untold = cards.filter(({ isTold }) => !isTold).map(({ mac }) => mac)
    if (untold.length > 0) await run(turn, vm, { words: ['sh', '-c', leaseScript, 'sh', ...untold] }, signal)
    if (!(await setClock(turn)))
      throw new Failure(`cannot renew the identity in ${vm.id}: its clock cannot be set`, { code: 'IDENTITY_SHARED' })
    const awaited = cards.filter(({ isAwaited }) => isAwaited).map(({ mac }) => mac)
    const addresses = await waitForLeases(turn, awaited, signal)
    const without = awaited.filter((mac) => !addresses.some((card) => card.mac === mac))
    if (without.length > 0) {
      note?.(`${vm.id}: no address came within ${leaseMs / 1000} s for its network card ${without.join(', ')}`)
    }
    return { addresses }
  } catch (error) {
    if (signal?.aborted === true || !(error instanceof Failure)) throw error
    const { message, cause, code } = error
    throw new Failure(message, {
      cause,
      code,
      hints: [...error.hints, 'let it have that of the VM that it is a copy of: identity=no'],
    })
  }
}

function renewProgram({ hostname, machineId, hostKey, macs }: Identity, aheadMs: number): Parameters<typeof runProgram>[1] {
  const ahead = Math.abs(aheadMs) < asGoodMs ? '0' : (-aheadMs / 1000).toFixed(6)
  const addresses = macs.flatMap(({ from, to }) => [from.toLowerCase(), to.toLowerCase()])
  const input = Buffer.from(`${randomBytes(noiseBytes).toString('hex')}\n${hostKey.secret}`)
  const words = ['sh', '-c', renewScript, 'sh', hostname, machineId, hostKey.public.trim(), ahead, ...addresses]
  return { words, input }
}

/** What a script has said. */
async function run(
  turn: Turn,
  vm: Vm,
  program: Parameters<typeof runProgram>[1],
  signal: AbortSignal | undefined,
): Promise<string> {
  const ended = await runProgram(turn, program, { timeoutMs: scriptMs, signal })
  if (ended.status === 0) return ended.stdout.toString('utf8', 0, saidBytes)
  throw failed(vm, ended)
}

/** More than any number of cards needs. */
const saidBytes = 64 * 1024

function failed({ id }: Vm, { status, stderr, isTimedOut }: Ended): Failure {
  const doing = `cannot renew the identity in ${id}`
  const code = 'IDENTITY_SHARED'
  if (isTimedOut) return new Failure(`${doing}: that did not end within ${scriptMs / 1000} s`, { code })
  if (status === notLinuxStatus || status === 127) return new Failure(`${doing}: its guest is not Linux`, { code })
  const step = renewSteps[status]
  return new Failure(step === undefined ? doing : `${doing}: ${step}`, { code, cause: scriptFailure(status, stderr) })
}

interface Card {
  readonly mac: string
  /** It had an address of IPv4, or is one that gets some. */
  readonly isAwaited: boolean
  /** Who looks after it asks for an address by itself, as soon as there is a link. */
  readonly isTold: boolean
}

/** What the script says of cards that there are; a bridge has the address of its card, and a line of its own. */
function cardsOf(said: string, macs: readonly string[]): Card[] {
  const lines = said.split('\n').map((line) => cardLine.exec(line) ?? [])
  return macs.flatMap((asked) => {
    const mac = asked.toLowerCase()
    const own = lines.filter(([, address]) => address === mac)
    if (own.length === 0) return []
    return [{ mac, isAwaited: own.some((line) => line[2] === 'awaited'), isTold: own.every((line) => line[3] === 'told') }]
  })
}

/** The address of IPv4 that each of these cards has, as soon as all have one, or the time is up. */
async function waitForLeases(
  turn: Turn,
  macs: readonly string[],
  signal: AbortSignal | undefined,
): Promise<readonly CardAddress[]> {
  const deadline = deadlineIn(leaseMs)
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 1.3, 200)) {
    const found = macs.length === 0 ? [] : await turn((agent) => addressesOf(agent, macs))
    if (found.length === macs.length || deadline.isOver) return found
    await pause(Math.min(pauseMs, deadline.leftMs), signal)
  }
}

async function addressesOf(agent: Agent, macs: readonly string[]): Promise<CardAddress[]> {
  const cards = await agent.ask('guest-network-get-interfaces', {}, limits)
  return macs.flatMap((mac) => {
    const addresses = cards
      .filter((card) => card['hardware-address']?.toLowerCase() === mac)
      .flatMap((card) => card['ip-addresses'] ?? [])
      .map((entry) => entry['ip-address'])
    const address = addresses.find(isGlobal)
    return address === undefined ? [] : [{ mac, address }]
  })
}

function isGlobal(address: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(address) && !/^(127|169\.254)\./.test(address)
}
