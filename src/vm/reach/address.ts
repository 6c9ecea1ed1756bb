// Where a guest's ssh is: a port of this machine that leads there, or the guest's own address.
import { Failure } from '../../core/errors.js'
import { addressOf, type Forward } from '../../model/forward.js'
import { run } from '../../sys/process.js'
import { factsOf } from '../life/agent.js'
import { macOf } from '../record/identity.js'
import { readRecord, type MachineRecord } from '../record/record.js'
import { leadsToSsh, needsPort, seedKind, sshForward, sshPort } from '../record/seed.js'
import { journalOf } from '../record/state.js'
import type { Vm } from '../record/vm.js'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Where a running VM's ssh can be; of several, whichever answers. Throws a Failure where nothing leads to it. */
export async function addressesOf(vm: Vm): Promise<Address[]> {
  const { started } = journalOf(vm.drawer)
  const forward = started?.forwards?.find(leadsToSsh)
  if (forward !== undefined) return [ownAddress(forward)]
  if ((started?.taps ?? []).length > 0) {
    const hosts = new Set((await Promise.all([neighbours(vm), toldAddresses(vm)])).flat())
    return [...hosts].map((host) => ({ host, port: sshPort }))
  }
  throw noWay(vm)
}

/** Where the ssh of a VM is whenever it runs; undefined where only a running one can tell. */
export function settledAddress({ settings }: Vm, record: MachineRecord): Address | undefined {
  const given = settings.forward?.find(leadsToSsh)
  if (given !== undefined) return ownAddress(given)
  const hasPort = record.sshPort !== undefined && seedKind(settings, record) !== 'none' && needsPort(settings)
  return hasPort ? ownAddress(sshForward(record)) : undefined
}

/** Where this machine reaches what it forwards; what listens everywhere is on the loopback too. */
export function ownAddress(forward: Forward): Address {
  const address = addressOf(forward)
  const host = address === '*' || address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address
  return { host, port: forward.hostPort }
}

function noWay(vm: Vm): Failure {
  const { id, call, settings } = vm
  // Forwards are for the network that nbsvm makes.
  const without = settings.network === undefined ? '' : 'network= '
  return new Failure(`no port of this machine leads to the ssh of ${id}, and nbsvm does not know its address`, {
    code: 'SSH_SILENT',
    hints: [
      `give it one: ${call} stop ${without}forward=2222:22 start`,
      'a VM whose image is known (image=) gets one by itself; so does one for which user is set',
    ],
  })
}

/**
 * The addresses on a bridge that the host has seen the guest's cards use, and the one that follows from a card's own address, which
 * only some guests have: https://www.rfc-editor.org/rfc/rfc4291#appendix-A
 */
async function neighbours({ place, id, settings }: Vm): Promise<string[]> {
  const record = readRecord(place, id)
  if (record === undefined) return []
  const bridges = settings.bridge ?? []
  const macs = bridges.map((_, index) => (index === 0 ? settings.mac : undefined) ?? macOf(record, index))
  const { stdout } = await run(['ip', 'neighbour', 'show'])
  const seen = neighboursIn(stdout, new Set(macs))
  const linkLocal = macs.map((mac, index) => `${linkLocalOf(mac)}%${bridges[index]}`)
  return [...seen, ...linkLocal]
}

/**
 * Those that the guest tells by its agent. It could name another machine, which is told apart by its host key: only where that of the
 * guest is known are these looked at.
 */
async function toldAddresses(vm: Vm): Promise<string[]> {
  if (readRecord(vm.place, vm.id)?.seed === undefined) return []
  return ((await factsOf(vm))?.addresses ?? []).map(({ address }) => address)
}

/** The addresses of these cards in what `ip neighbour show` prints; those of one link with its name. */
export function neighboursIn(text: string, macs: ReadonlySet<string>): string[] {
  const rows = [...text.matchAll(/^(?<host>[0-9a-f.:]+) dev (?<device>\S+) lladdr (?<mac>[0-9a-f:]{17})\b(?!.*FAILED)/gm)]
  return rows
    .map(({ groups }) => groups ?? {})
    .filter(({ mac = '' }) => macs.has(mac))
    .map(({ host = '', device = '' }) => (host.startsWith('fe80:') ? `${host}%${device}` : host))
}

export function linkLocalOf(mac: string): string {
  const [first = 0, ...rest] = mac.split(':').map((text) => Number.parseInt(text, 16))
  const bytes = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)]
  const groups = [0, 2, 4, 6].map((at) => (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16))
  return `fe80::${groups.join(':')}`
}
