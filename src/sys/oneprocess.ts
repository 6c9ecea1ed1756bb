// One process, as /proc shows it: for who is to believe a number that somebody typed.
import { errorCode } from '../core/errors.js'
import { list, readLink, readText } from './file.js'
import { statFields } from './process.js'

export interface OneProcess {
  readonly pid: number
  /** Its user; undefined where its four user numbers are not one. */
  readonly uid: number | undefined
  /** When it was started, in milliseconds since 1970. */
  readonly startedMs: number
  /** The file that it runs, links followed. */
  readonly program: string
  readonly words: readonly string[]
  /** Its working directory now, and that of the shell that it was started from, where it says so. */
  readonly folders: readonly string[]
  /** The paths of the files that it has open. */
  readonly files: readonly string[]
  /** The unix sockets that it listens on, as it named them. */
  readonly listens: readonly string[]
}

/** What a command line and an environment are read of, at most. */
const mostBytes = 4 * 1024 ** 2

/** Undefined where there is no such process, or it ends just now. Throws the system's error for one that may not be looked at. */
export function readProcess(pid: number): OneProcess | undefined {
  const ticks = startTicks(pid)
  if (ticks === undefined) return undefined
  const at = (name: string): string => `/proc/${pid}/${name}`
  const uids = new Set(/^Uid:\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(readText(at('status')) ?? '')?.slice(1))
  const links = list(at('fd')).map((fd) => readLink(at(`fd/${fd}`)) ?? '')
  const found: OneProcess = {
    pid,
    uid: uids.size === 1 ? Number([...uids][0]) : undefined,
    startedMs: bootMs() + ticks * (1000 / ticksPerSecond),
    program: readLink(at('exe')) ?? '',
    words: zeroEnded(at('cmdline')),
    folders: [readLink(at('cwd')) ?? '', shellFolder(pid)].filter((folder) => folder.startsWith('/')),
    files: links.filter((link) => link.startsWith('/')),
    listens: listening(readText(at('net/unix')) ?? '', links),
  }
  // All of that is of one process, and not of two that had the number one after the other.
  return startTicks(pid) === ticks ? found : undefined
}

/** The kernel's unit of time in /proc, the same on all that it runs on today (proc(5), sysconf(3)). */
const ticksPerSecond = 100

/**
 * Field 22 of /proc/PID/stat. Undefined for one that has ended, also where nobody has reaped it.
 */
function startTicks(pid: number): number | undefined {
  const fields = statFields(readText(`/proc/${pid}/stat`) ?? '')
  const ticks = Number(fields[19])
  return fields[19] === undefined || 'ZX'.includes(fields[0] ?? 'X') || !Number.isFinite(ticks) ? undefined : ticks
}

function bootMs(): number {
  return 1000 * Number(/^btime (\d+)/m.exec(readText('/proc/stat') ?? '')?.[1] ?? 0)
}

/** A file of texts that end with a zero byte. What the kernel makes up has no size before it is read. */
function zeroEnded(file: string): string[] {
  const text = readText(file) ?? ''
  return text.length > mostBytes ? [] : text.split('\0').slice(0, -1)
}

/** Where it was started, as its shell has told it: a program that went to the background is in `/` after that. */
function shellFolder(pid: number): string {
  try {
    const words = zeroEnded(`/proc/${pid}/environ`)
    return words.find((word) => word.startsWith('PWD='))?.slice('PWD='.length) ?? ''
  } catch (error) {
    if (errorCode(error) === 'EACCES' || errorCode(error) === 'EPERM') return ''
    throw error
  }
}

/**
 * `0000: 00000002 00000000 00010000 0001 01 9955750 q.sock`: the fourth says that it listens (proc(5)), the seventh is its
 * inode.
 */
function listening(table: string, links: readonly string[]): string[] {
  const own = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]))
  return [...table.matchAll(/^\S+ \S+ \S+ (\S+) \S+ \S+ +(\d+) (.+)$/gm)].flatMap(([, flags = '', inode, path = '']) =>
    (Number.parseInt(flags, 16) & 0x10000) !== 0 && own.has(inode) ? [path] : [],
  )
}
