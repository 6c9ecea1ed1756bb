// Ports of the host that lead into a guest: how they are written, and when two of them are in each other's way. Pure.
import { UsageError } from '../core/errors.js'
import { quote } from '../core/quote.js'

/** One port of the host that leads into the guest. */
export interface Forward {
  readonly hostPort: number
  readonly guestPort: number
  readonly protocol: 'tcp' | 'udp'
  /** The address of the host that it listens on, `*` for all of them; absent: its loopback. */
  readonly address?: string
  /** The helper program that carries it, where the VM's network cannot open ports while it runs. */
  readonly tunnel?: string
}

/** The same for programs that read what nbsvm prints. */
export type SpelledForward = Forward & { readonly address: string }

/** A port that is open to the network is not opened by surprise. */
const loopback = '127.0.0.1'

/** A range has no more ports: each takes QEMU a descriptor, of which it has some 1,000. */
const longestRange = 256

/** A list has no more than there are ports. */
const mostForwards = 65_535

const pairShape =
  /^(?:(?<before>tcp|udp):)?(?:(?<address>\*|localhost|[0-9]+(?:\.[0-9]+){3}|\[[0-9A-Fa-f:.]+\]):)?(?<host>[0-9]{1,5}(?:-[0-9]{1,5})?):(?<guest>[0-9]{1,5}(?:-[0-9]{1,5})?)(?:\/(?<after>tcp|udp))?$/

const hostShape =
  /^(?<before>(?:(?:tcp|udp):)?(?:(?:\*|localhost|[0-9.]+\.[0-9]+|\[[^\]]*\]):)?)(?<ports>[0-9]+(?:-[0-9]+)?)(?<after>\/[a-z]+)?$/

const howToWrite = [
  'write HOST:GUEST, as in 8080:80, with /udp behind it or an address before it where that is meant:',
  '5353:53/udp   8000-8010:8000-8010   0.0.0.0:8080:80   [::1]:8080:80',
]

/**
 * Reads `2222:22`, `5353:53/udp` (or `udp:5353:53`), `8000-8010:8000-8010`, `0.0.0.0:8080:80`, `*:8080:80`, `[::1]:8080:80`: the
 * host's port, then the guest's. A range is as many forwards.
 */
export function parseForward(text: string): Forward[] {
  const groups = pairShape.exec(text)?.groups ?? {}
  const { before, after } = groups
  const host = parsePorts(groups['host'])
  const guest = parsePorts(groups['guest'])
  const address = parseAddress(groups['address'])
  if (host === undefined || guest === undefined || address === undefined || (before !== undefined && after !== undefined)) {
    throw new UsageError(`${quote(text)} is not a pair of ports`, { hints: howToWrite })
  }
  if (host.count !== guest.count) throw new UsageError(`${quote(text)}: the two ranges are not equally long`)
  if (host.count > longestRange) throw new UsageError(`${quote(text)}: a range has at most ${longestRange} ports`)
  const protocol = (before ?? after) === 'udp' ? 'udp' : 'tcp'
  return Array.from({ length: host.count }, (_, at) => ({
    hostPort: host.first + at,
    guestPort: guest.first + at,
    protocol,
    ...(address === loopback ? {} : { address }),
  }))
}

/** Reads a list of them. Throws a UsageError where one port is to lead to two places. */
export function parseForwards(texts: readonly string[]): Forward[] {
  const forwards: Forward[] = []
  const taken = new Map<string, Forward>()
  for (const forward of texts.flatMap(parseForward)) {
    const other = claim(taken, forward)
    if (other !== undefined) throw new UsageError(`port ${forward.hostPort} is to lead to two places`)
    if (forwards.push(forward) > mostForwards) throw new UsageError('more ports are to be forwarded than there are')
  }
  return forwards
}

/** Reads what is to be closed: the same, or the host's side alone (`8080`, `5353/udp`), with 0 for the guest's port then. */
export function parseClosings(texts: readonly string[]): Forward[] {
  return texts.flatMap((text) => {
    const host = hostShape.exec(text)?.groups
    if (host === undefined) return parseForward(text)
    const { before = '', ports = '', after = '' } = host
    return parseForward(`${before}${ports}:${ports}${after}`).map((forward) => Object.assign(forward, { guestPort: 0 }))
  })
}

/** The first of `forwards` that listens where `forward` would; undefined where none does. */
export function inTheWay(forwards: readonly Forward[], forward: Forward): Forward | undefined {
  const taken = new Map<string, Forward>()
  for (const one of forwards) claim(taken, one)
  return claim(taken, forward)
}

/** Notes where a forward listens; returns the one that has the place already. All addresses meet each of them. */
function claim(taken: Map<string, Forward>, forward: Forward): Forward | undefined {
  const address = addressOf(forward)
  const place = (where: string): string => `${forward.protocol} ${forward.hostPort} ${where}`
  const mine = isEverywhere(address) ? [place('any'), place('all')] : [place(address), place('any')]
  const other = isEverywhere(address) ? taken.get(place('any')) : (taken.get(place(address)) ?? taken.get(place('all')))
  if (other === undefined) for (const one of mine) taken.set(one, forward)
  return other
}

function isEverywhere(address: string): boolean {
  return ['*', '0.0.0.0', '::'].includes(address)
}

/** The address that a forward listens on, `*` for all. */
export function addressOf({ address = loopback }: Pick<Forward, 'address'>): string {
  return address
}

/** With the address that it listens on, also where that is the usual one: for programs. */
export function spelledOut(forward: Forward): SpelledForward {
  return { ...forward, address: addressOf(forward) }
}

/** Whether two are the same in all. */
export function isSame(one: Forward, other: Forward): boolean {
  return listensAlike(one, other) && one.guestPort === other.guestPort
}

/** Whether two listen at the same place. */
export function listensAlike(one: Forward, other: Forward): boolean {
  return one.hostPort === other.hostPort && one.protocol === other.protocol && addressOf(one) === addressOf(other)
}

/** Where it listens, as it is written: `127.0.0.1:8080`, `[::1]:8080`. */
export function listenText(forward: Forward, ports = String(forward.hostPort)): string {
  const address = addressOf(forward)
  return `${address.includes(':') ? `[${address}]` : address}:${ports}`
}

/** Ports that follow one another, as a range. */
export interface Span<F extends Forward> {
  readonly first: F
  readonly count: number
}

/** The forwards with neighbours that lead to neighbours joined, for people; in the order in which they are given. */
export function spansOf<F extends Forward>(
  forwards: readonly F[],
  isAlike: (one: F, other: F) => boolean = () => true,
): Span<F>[] {
  const spans: Span<F>[] = []
  for (const forward of forwards) {
    const last = spans.at(-1)
    if (last !== undefined && isNext(last, forward) && isAlike(last.first, forward)) {
      spans[spans.length - 1] = { ...last, count: last.count + 1 }
    } else spans.push({ first: forward, count: 1 })
  }
  return spans
}

function isNext({ first, count }: Span<Forward>, forward: Forward): boolean {
  return isSame({ ...first, hostPort: first.hostPort + count, guestPort: first.guestPort + count }, forward)
}

/** `8080`, or `8000-8010` for a span of several. */
export function portsText(first: number, count: number): string {
  return count === 1 ? String(first) : `${first}-${first + count - 1}`
}

function parsePorts(text: string | undefined): { readonly first: number; readonly count: number } | undefined {
  const [first = 0, last = first] = (text ?? '').split('-').map(Number)
  return first >= 1 && first <= last && last <= 65_535 ? { first, count: last - first + 1 } : undefined
}

/** Undefined for what is not an address. */
function parseAddress(text: string | undefined): string | undefined {
  if (text === undefined || text === 'localhost') return loopback
  if (text === '*') return text
  if (!text.startsWith('[')) return text.split('.').every((part) => Number(part) <= 255) ? text : undefined
  const address = text.slice(1, -1).toLowerCase()
  return isIpv6(address) ? address : undefined
}

/** Eight groups of four digits, or fewer with one gap: https://www.rfc-editor.org/rfc/rfc4291#section-2.2 */
function isIpv6(address: string): boolean {
  const halves = address.split('::')
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  const isLong = halves.length === 1 ? groups.length === 8 : halves.length === 2 && groups.length < 8
  return isLong && groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))
}
