// virtiofsd: it serves a folder of the host to one QEMU. https://gitlab.com/virtio-fs/virtiofsd
import { quoteWord, quoteWords } from '../core/words.js'
import { boundedScript } from '../core/bounded.js'
import type { Helper } from '../model/helper.js'
import type { Words } from '../model/machine.js'
import type { Share } from '../model/share.js'
import { isRoot } from '../sys/environment.js'
import { findProgram } from '../sys/file.js'
import { run } from '../sys/process.js'

/** A virtiofsd that is installed. */
export interface Virtiofsd {
  readonly program: string
  /** `rust` is a project of its own, with versions from 1.0; `c` was part of QEMU up to 7.2. */
  readonly kind: 'rust' | 'c'
  readonly version: readonly [major: number, minor: number]
  /** It wants to let go of all of a user's groups, which none may but in a namespace with further groups: newgidmap(1) gives them. */
  readonly needsGroups?: true
}

/** Where distributions put it, which is in nobody's PATH: the newer kind first. */
const programs = ['virtiofsd', '/usr/libexec/virtiofsd', '/usr/lib/virtiofsd', '/usr/lib/qemu/virtiofsd']

const versionTimeoutMs = 5000

/** So much of what it says is kept, whatever a guest makes it say. */
const logBytes = 64 * 1024

/** The user that images of distributions make first. */
const firstGuestUser = 1000

/** A namespace in which its user is root, with the further users and groups that /etc/subuid and /etc/subgid allow. */
const withGroups = ['unshare', '--user', '--map-auto', '--map-root-user']

/** The virtiofsd of this machine; undefined where there is none, or none that this user can run. */
export async function findVirtiofsd(): Promise<Virtiofsd | undefined> {
  const program = programs.map(findProgram).find((found) => found !== undefined)
  if (program === undefined) return undefined
  const ask = async (before: readonly string[]): Promise<Virtiofsd | undefined> => {
    const { stdout, stderr } = await run([...before, program, '--version'], { timeoutMs: versionTimeoutMs })
    return readVersion(program, stdout + stderr)
  }
  const found = await ask([])
  if (found !== undefined || isRoot()) return found
  const inside = await ask(withGroups)
  return inside === undefined ? undefined : { ...inside, needsGroups: true }
}

/** What `--version` tells: `virtiofsd 1.13.2`, or `virtiofsd version 7.2.22` of QEMU's. Undefined for anything else. */
export function readVersion(program: string, text: string): Virtiofsd | undefined {
  const [, word, major, minor] = /virtiofsd (version )?(\d+)\.(\d+)/.exec(text) ?? []
  if (major === undefined) return undefined
  return { program, kind: word === undefined ? 'rust' : 'c', version: [Number(major), Number(minor)] }
}

/** Whether it keeps a guest from writing; one that cannot must not serve what is only to be read. */
export function canServe({ kind, version: [major, minor] }: Virtiofsd, { readOnly }: Pick<Share, 'readOnly'>): boolean {
  return !readOnly || kind === 'c' || major > 1 || minor >= 11
}

/** Whom QEMU and virtiofsd run as, and through what. */
export interface ServedAs {
  readonly uid: number
  readonly gid: number
  readonly prefix: Words
}

/** Share `index` as a helper that serves on `socket` in QEMU's folder. It ends with QEMU. */
export function virtiofsdHelper(
  found: Virtiofsd,
  share: Share,
  {
    index,
    folder,
    socket,
    as,
  }: { readonly index: number; readonly folder: string; readonly socket: string; readonly as: ServedAs },
): Helper {
  const name = `virtiofsd${index}`
  const log = `${name}.log`
  const command = found.kind === 'rust' ? rustCommand(found, share, socket, as) : cCommand(found, share, socket, as)
  return {
    name,
    command: ['sh', `helpers/${name}`, ...as.prefix, ...command],
    // QEMU's user may enter its own folder, and not the drawer.
    script: boundedScript(folder, logBytes),
    keepsDescriptors: false,
    reads: [],
    socket: `${folder}/${socket}`,
    ready: `${folder}/${socket}`,
    log,
    writes: [{ file: log, maxBytes: logBytes }],
  }
}

/**
 * In a user namespace in which there is nobody but the one whom QEMU runs as: the guest's files are that user's, whoever makes them
 * in the guest. From 1.13 on the guest's first user stands for that user where their numbers differ.
 */
function rustCommand(
  { program, version: [major, minor] }: Virtiofsd,
  share: Share,
  socket: string,
  { uid, gid }: ServedAs,
): string[] {
  const maps = uid !== 0 && (major > 1 || minor >= 13)
  const translate = (what: string, id: number): string[] =>
    maps && id !== firstGuestUser ? [`--translate-${what}`, `map:${firstGuestUser}:${id}:1`] : []
  const serve = [
    program,
    '--socket-path',
    socket,
    '--shared-dir',
    share.hostPath,
    '--sandbox',
    'namespace',
    '--log-level',
    'error',
  ]
  return [...serve, ...translate('uid', uid), ...translate('gid', gid), ...(share.readOnly ? ['--readonly'] : [])]
}

/**
 * QEMU's old one wants to be root, and a folder of root's for its locks: so it gets a namespace in which its user is root, and a
 * /run of its own. Of the guest only root can write there then. It knows no `--readonly`: the folder is made so for it.
 */
function cCommand(
  { program, needsGroups }: Virtiofsd,
  { hostPath, readOnly }: Share,
  socket: string,
  { uid }: ServedAs,
): string[] {
  // In its options a comma ends a value, and a backslash takes that meaning away.
  const source = hostPath.replaceAll(/[\\,]/g, '\\$&')
  const serve = [program, '-f', `--socket-path=${socket}`, '-o', `source=${source}`, '-o', 'log_level=err']
  const folder = quoteWord(hostPath)
  const steps = [
    ...(uid === 0 ? [] : ['mount -t tmpfs none /run']),
    ...(readOnly ? [`mount --bind ${folder} ${folder}`, `mount -o remount,bind,ro,nosuid,nodev ${folder}`] : []),
  ]
  if (steps.length === 0) return serve
  const asRoot = uid === 0 ? ['unshare'] : needsGroups === true ? withGroups : ['unshare', '--user', '--map-root-user']
  return [...asRoot, '--mount', 'sh', '-c', [...steps, `exec ${quoteWords(serve)}`].join(' && ')]
}
