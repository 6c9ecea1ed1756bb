// Ways through a connection: sockets and ports of this machine that lead to those of the other.
import path from 'node:path'
import { eitherSignal, type Caller } from '../core/caller.js'
import { Failure } from '../core/errors.js'
import { run } from '../sys/process.js'
import { connect as connectTo } from '../sys/socket.js'
import { randomHex } from '../sys/stamp.js'
import { socketOf, sshWords, type Machine } from './connection.js'

/** A way through the connection: `ADDRESS:PORT` or a socket's path at both ends, as `ssh -L` has them. */
export interface Lead {
  readonly here: string
  readonly there: string
}

/**
 * Opens ways through the connection, all or none. Throws a Failure, with `hints`, where something here is taken, and where no connection
 * is shared.
 */
export async function openLeads(machine: Machine, leads: readonly Lead[], hints: readonly string[] = []): Promise<void> {
  if (socketOf(machine) === undefined)
    throw new Failure(`no connection to ${machine.host} can be kept: the path ${machine.sockets} is too long for its socket`, {
      hints: ['a shorter one: NBSVM_HOME=DIR'],
    })
  const { status } = await run(sshWords(machine, ['-O', 'forward', ...leadWords(leads)], []))
  if (status === 0) return
  await closeLeads(machine, leads)
  const places = leads.map(({ here }) => here).join(' and ')
  throw new Failure(`cannot listen on ${places} of this machine, for the connection to ${machine.host}`, {
    code: 'PORT_TAKEN',
    hints,
  })
}

/** Closes those of them that are there. */
export async function closeLeads(machine: Machine, leads: readonly Lead[]): Promise<void> {
  await run(closingWords(machine, leads))
}

/** The command that does so. */
export function closingWords(machine: Machine, leads: readonly Lead[]): string[] {
  return sshWords(machine, ['-O', 'cancel', ...leadWords(leads)], [])
}

function leadWords(leads: readonly Lead[]): string[] {
  return leads.flatMap(({ here, there }) => ['-L', `${here}:${there}`])
}

/** A new socket here that leads to one there. Throws a Failure for what is not the path of one. */
export function socketLead({ host, sockets }: Machine, there: string): Lead {
  // What comes from there becomes a word of ours.
  if (!/^\/[^\p{Cc}:]{1,107}$/u.test(there))
    throw new Failure(`${host} does not say where it serves`, { code: 'HOST_UNREACHABLE' })
  return { here: path.join(sockets, `s${randomHex(7)}`), there }
}

/** So long the first bytes may take. */
const answerMs = 10_000

/** Throws a Failure where nothing comes from the other end, as where its sshd lets nothing through. */
export async function requireAnswer({ host }: Machine, socketPath: string): Promise<void> {
  const socket = await connectTo(socketPath)
  const answers = await new Promise<boolean>((resolve) => {
    socket
      .once('data', () => resolve(true))
      .once('close', () => resolve(false))
      .on('error', () => {})
    setTimeout(() => resolve(false), answerMs).unref()
  })
  socket.destroy()
  if (answers) return
  throw new Failure(`nothing comes through the connection to ${host}`, {
    code: 'HOST_UNREACHABLE',
    hints: ['its sshd_config must let it: AllowStreamLocalForwarding yes, and no DisableForwarding'],
  })
}

/**
 * Throws a Failure, with all of them closed, where the sshd there lets no port through; ssh itself would only end each connection. It
 * refuses within one round trip: `withinMs` is more than one takes.
 */
export async function requireLeave(
  machine: Machine,
  leads: readonly Lead[],
  withinMs: number,
  { signal }: Caller,
): Promise<void> {
  const port = leads.find(({ there }) => !there.startsWith('/'))
  if (port === undefined) return
  const limit = AbortSignal.timeout(Math.ceil(withinMs))
  const status = await run(sshWords(machine, ['-W', port.there], []), { input: '', signal: eitherSignal(limit, signal) }).then(
    (ended) => ended.status,
    () => 0,
  )
  signal?.throwIfAborted()
  if (status === 0) return
  await closeLeads(machine, leads)
  throw new Failure(`no port comes through the connection to ${machine.host}`, {
    code: 'HOST_UNREACHABLE',
    hints: ['its sshd_config must let it: AllowTcpForwarding yes, and no DisableForwarding'],
  })
}
