// Who can still write to a file, whatever its owner and mode say now: a descriptor that was opened once stays.
import fs from 'node:fs'
import { isRoot } from './environment.js'
import { list, readText } from './file.js'

export interface Writer {
  readonly pid: number
  readonly name: string
}

/** O_WRONLY and O_RDWR of open(2). */
const writeBits = 0o3

/**
 * The processes of other users that have the file open for writing. Only root has reason to ask, as it reads what others may
 * change under its eyes; for anybody else, who could not even see it, there is none.
 */
export function foreignWriters(file: { readonly dev: number; readonly ino: number }): Writer[] {
  if (!isRoot()) return []
  const pids = list('/proc').map(Number)
  const writers = pids.filter((pid) => pid > 0 && unlessGone(() => isForeign(pid) && mayWrite(pid, file)))
  return writers.map((pid) => ({ pid, name: readText(`/proc/${pid}/comm`)?.trim() ?? '' }))
}

/** A process that ends while it is looked at gives ESRCH, or an empty folder: it writes no more. */
function unlessGone(look: () => boolean): boolean {
  try {
    return look()
  } catch {
    return false
  }
}

/** By its effective user: /proc/PID itself belongs to root where a process forbids to look into it. */
function isForeign(pid: number): boolean {
  const uid = /^Uid:\t\d+\t(?<effective>\d+)/m.exec(readText(`/proc/${pid}/status`) ?? '')?.groups?.['effective']
  return uid !== undefined && uid !== '0'
}

function mayWrite(pid: number, file: { readonly dev: number; readonly ino: number }): boolean {
  return fs.readdirSync(`/proc/${pid}/fd`).some((fd) => {
    const stats = fs.statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false })
    return stats?.ino === file.ino && stats.dev === file.dev && isOpenForWriting(pid, fd)
  })
}

function isOpenForWriting(pid: number, fd: string): boolean {
  const flags = /^flags:\t(?<octal>[0-7]+)$/m.exec(readText(`/proc/${pid}/fdinfo/${fd}`) ?? '')?.groups?.['octal']
  return flags === undefined || (Number.parseInt(flags, 8) & writeBits) !== 0
}
