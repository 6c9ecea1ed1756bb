// A bare Debian 13 (build/bare-13.tar) that a test may do anything with: its own root, mounts and processes, gone with all of them at the end.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { run, type Result } from '../cli.js'

const archive = 'build/bare-13.tar'

/** Why there is none; undefined where there is one. */
export function withoutBare(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can make a root of its own'
  if (!fs.existsSync(archive)) return `${archive} is not there: scripts/bare makes it`
  return undefined
}

export interface Bare {
  /** Its root, as seen from here. */
  readonly folder: string
  /** Runs a line of sh there, as root or as a user of its. */
  readonly sh: (line: string, user?: string) => Promise<Result>
  /** The same; throws where it fails. Returns what it wrote to stdout. */
  readonly done: (line: string, user?: string) => Promise<string>
  readonly close: () => void
}

/**
 * Makes $1 the root of a namespace of mounts and of processes, and stays. No chroot: passt and others need user namespaces, which those who
 * are in one may not make.
 */
const enter = `set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount --rbind /dev "$1/dev"
mount --rbind /sys "$1/sys"
mount -t proc proc "$1/proc"
cd "$1"
mkdir before
pivot_root . before
# umount2(2), MNT_DETACH: a bare Debian has no umount.
perl -e 'my $old = "/before"; syscall(166, $old, 2) == 0 or die "umount2: $!"'
rmdir before
echo ready
exec sleep infinity`

export async function openBare(): Promise<Bare> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-bare-'))
  fs.chmodSync(folder, 0o755)
  execFileSync('tar', ['-x', '-f', archive, '-C', folder])
  fs.copyFileSync('/etc/resolv.conf', path.join(folder, 'etc/resolv.conf'))
  const words = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', enter, 'sh', folder]
  const holder = spawn('unshare', words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(holder, 'exit').then(() => {
    fs.rmSync(folder, { recursive: true, force: true })
    throw new Error('no root of its own could be made')
  })
  await Promise.race([once(holder.stdout, 'data'), ended])
  ended.catch(() => {})
  const inside = firstChild(holder)
  const sh = (line: string, user?: string): Promise<Result> => {
    const as = user === undefined ? [] : ['setpriv', '--reuid', user, '--regid', user, '--init-groups', '--']
    const home = user === undefined ? '/root' : `/home/${user}`
    const env = {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C.UTF-8',
      accel: 'tcg',
      HOME: home,
    }
    return run('nsenter', ['--target', inside, '--mount', '--pid', '--root', '--wd', ...as, 'sh', '-c', line], env)
  }
  return {
    folder,
    sh,
    done: async (line, user) => {
      const { status, stdout, stderr } = await sh(line, user)
      if (status !== 0) throw new Error(`${line}: status ${status}\n${stdout}${stderr}`)
      return stdout
    },
    close: () => {
      holder.kill('SIGKILL')
      fs.rmSync(folder, { recursive: true, force: true })
    },
  }
}

function firstChild({ pid }: ChildProcess): string {
  return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
}
