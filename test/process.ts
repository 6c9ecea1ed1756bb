// What the kernel says of a process: who it is, what it may, what it has open.
import fs from 'node:fs'

export interface Seen {
  /** Real, effective, saved and file system's user. */
  readonly uids: readonly string[]
  readonly groups: string
  /** Inheritable, permitted, effective, bounding and ambient capabilities, as one number each. */
  readonly capabilities: readonly bigint[]
  /** 2: a filter decides about each system call. */
  readonly seccomp: string
  readonly noNewPrivs: string
  readonly files: readonly OpenFile[]
}

export interface OpenFile {
  readonly fd: string
  /** Where the link leads. */
  readonly target: string
  readonly access: 'r' | 'w' | 'rw'
  /** The number of the file itself, which is the same from whatever namespace or chroot one looks. */
  readonly inode: number
  /** Of a tap: its name. */
  readonly tap: string | undefined
}

export function look(pid: number): Seen {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): string => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1] ?? ''
  return {
    uids: field('Uid').split('\t'),
    groups: field('Groups').trim(),
    capabilities: ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) => BigInt(`0x${field(name)}`)),
    seccomp: field('Seccomp'),
    noNewPrivs: field('NoNewPrivs'),
    files: fs.readdirSync(`/proc/${pid}/fd`).map((fd) => openFile(pid, fd)),
  }
}

function openFile(pid: number, fd: string): OpenFile {
  const info = fs.readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')
  const mode = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? '0', 8) & 3
  return {
    fd,
    target: fs.readlinkSync(`/proc/${pid}/fd/${fd}`),
    access: mode === 0 ? 'r' : mode === 1 ? 'w' : 'rw',
    inode: fs.statSync(`/proc/${pid}/fd/${fd}`).ino,
    tap: /^iff:\s*(\S+)/m.exec(info)?.[1],
  }
}

/** What a test shows of it, a line each. */
export function describe({ uids, groups, capabilities, seccomp, noNewPrivs, files }: Seen): string {
  const held = files.filter(({ target }) => target.startsWith('/'))
  return [
    `users ${uids.join(' ')}, groups "${groups}", capabilities ${capabilities.join(' ')}, Seccomp ${seccomp}, NoNewPrivs ${noNewPrivs}`,
    ...held.map(({ fd, target, access, tap }) => `fd ${fd} ${access} ${target}${tap === undefined ? '' : ` = ${tap}`}`),
  ].join('\n')
}
