import { readLink, readText } from './file.js'

/**
 * Names a process so that any other on this machine can tell later whether it still runs: boot, pid namespace, pid and
 * the tick it started at, `3f2a91c0.4026531836.4711.88123`. It fits into an LVM tag.
 */
export function processMark(pid = process.pid): string {
  return [bootPart(), namespacePart(), pid, startTick(pid) ?? 0].join('.')
}

/**
 * Whether the process of a mark has surely ended. False where it cannot be known: another pid namespace, or a /proc that
 * hides the processes of others.
 */
export function hasEnded(mark: string): boolean {
  const [boot, namespace, pid, tick] = mark.split('.')
  if (boot !== bootPart()) return true
  if (namespace !== namespacePart()) return false
  const now = startTick(Number(pid))
  return now === undefined ? !exists(Number(pid)) : now !== Number(tick)
}

function bootPart(): string {
  return (readText('/proc/sys/kernel/random/boot_id') ?? '').slice(0, 8)
}

function namespacePart(): string {
  return /\d+/.exec(readLink('/proc/self/ns/pid') ?? '')?.[0] ?? '0'
}

/** Field 22 of proc(5)'s stat; the name in field 2 may hold blanks and brackets. */
function startTick(pid: number): number | undefined {
  try {
    const fields = readText(`/proc/${pid}/stat`)
      ?.replace(/^.*\) /s, '')
      .split(' ')
    return fields === undefined ? undefined : Number(fields[19])
  } catch {
    return undefined // it ended between open and read
  }
}

/** Asks with signal 0; "not permitted" means that it is there. */
function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
