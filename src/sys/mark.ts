import { digest } from '../core/digest.js'
import { machineId } from './environment.js'
import { list, readLink, readText } from './file.js'
import { statFields } from './process.js'

/** What is known of the process of a mark. `unknown`: it is another host's, or of another pid namespace, or /proc hides it. */
export type Fate = 'runs' | 'ended' | 'unknown'

/**
 * Names a process so that others can tell later whether it still runs, also where hosts share a disk: host, boot, pid namespace,
 * pid and the tick it started at, `5b1d77e0.3f2a91c0.4026531836.4711.88123`. It fits into an LVM tag.
 */
export function processMark(pid = process.pid): string {
  return [hostPart(), bootPart(), namespacePart(), pid, startTick(pid) ?? 0].join('.')
}

/** What has become of the process of a mark. Whatever is not a mark of this host is of unknown fate. */
export function fateOf(mark: string): Fate {
  const fields =
    /^(?<host>[0-9a-f]{8})\.(?<boot>[0-9a-f]{8})\.(?<namespace>\d{1,20})\.(?<pid>[1-9]\d{0,9})\.(?<tick>\d{1,20})$/.exec(mark)
  if (fields?.groups === undefined) return 'unknown'
  const { host, boot, namespace, pid, tick } = fields.groups
  if (boot !== bootPart()) return host === hostPart() && host !== noHost ? 'ended' : 'unknown'
  if (namespace !== namespacePart()) return 'unknown'
  const now = startTick(Number(pid))
  if (now === undefined) return exists(Number(pid)) ? 'unknown' : 'ended'
  return now === Number(tick) ? 'runs' : 'ended'
}

/** Of a host that has no id, as many containers: after its next boot nobody can tell whose the mark was. */
const noHost = '00000000'

/** Not the id itself, which machine-id(5) wants kept from strangers. */
function hostPart(): string {
  const id = machineId()
  return id === undefined ? noHost : digest(`mark ${id}`, 4).toString('hex')
}

function bootPart(): string {
  return (readText('/proc/sys/kernel/random/boot_id') ?? '').slice(0, 8)
}

function namespacePart(): string {
  return /\d+/.exec(readLink('/proc/self/ns/pid') ?? '')?.[0] ?? '0'
}

/** Field 22 of proc(5)'s stat. -1 for one that has ended and waits for its parent. */
function startTick(pid: number): number | undefined {
  try {
    const text = readText(`/proc/${pid}/stat`)
    if (text === undefined) return undefined
    const fields = statFields(text)
    return isOver(pid, fields[0]) ? -1 : Number(fields[19])
  } catch {
    return undefined // it ended between open and read
  }
}

/** A zombie whose other threads are gone too: nothing of it can do anything any more. */
function isOver(pid: number, state: string | undefined): boolean {
  return state === 'Z' && list(`/proc/${pid}/task`).length <= 1
}

/** Asks with signal 0; "not permitted" means that it is there. */
function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
