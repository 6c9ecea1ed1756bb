// Why a port of this machine cannot be listened on, and what to type then.
import { listenText, type Forward } from '../model/forward.js'
import { readText } from '../sys/file.js'

/** Ports from this one on are everybody's; those below it only root's: ip(7). */
const firstFreePort = '/proc/sys/net/ipv4/ip_unprivileged_port_start'

/** What to type where one of these is taken, or closed to who would listen on it. */
export function takenHints(forwards: readonly Forward[]): string[] {
  const ports = forwards.map(({ hostPort }) => hostPort)
  const first = Number(readText(firstFreePort) ?? 1024)
  const closed = ports.filter((port) => port < first)
  // A QEMU of root's has no more rights than one of an ordinary user.
  const open = `choose others, or open them to all: sysctl net.ipv4.ip_unprivileged_port_start=${Math.min(...closed)}`
  return [
    `see who has it: ss -ltnup | grep -E ':(${ports.join('|')}) '`,
    ...(closed.length === 0 ? [] : [`below ${first} they are root's: ${closed.join(', ')}; ${open}`]),
    ...notOfThisMachine(forwards),
  ]
}

function notOfThisMachine(forwards: readonly Forward[]): string[] {
  const chosen = forwards.filter(({ address }) => address !== undefined && address !== '*')
  return chosen.length === 0
    ? []
    : [`see which addresses this machine has: ip -br address (${chosen.map((one) => listenText(one)).join(', ')})`]
}
