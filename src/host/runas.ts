// Whom QEMU runs as. A user's VMs run as the user; each of root's as a user of its own, who has no name and no rights.
import { digest } from '../core/digest.js'
import { Failure, UsageError } from '../core/errors.js'
import { groupId, isRoot, userIds } from '../sys/environment.js'
import { readText, stat } from '../sys/file.js'
import { processesAs, run } from '../sys/process.js'
import type { Words } from '../model/machine.js'

export interface RunAs {
  readonly user: string
  readonly uid: number
  readonly gid: number
  /** What QEMU is run through, so that it has given up every right before its first instruction; empty where it need not. */
  readonly prefix: Words
  /** Whether nothing but this one VM runs as this user: then all that runs as it is this VM. */
  readonly isOwn: boolean
}

/**
 * User numbers that nobody gives out: above what shadow-utils gives to containers (600,100,000) and systemd's too
 * (1,879,048,191), below the numbers of other machines (2,147,352,576). https://systemd.io/UIDS-GIDS/ In a container that has
 * fewer numbers, those between systemd's for home folders and for services.
 */
const ranges: readonly (readonly [first: number, last: number])[] = [
  [2_113_000_000, 2_129_777_215],
  [60_578, 61_183],
]

/** The user as which a VM with this `run_as` runs. `ownUid` says the VM's own number, for root. Throws where only root could do it, or nobody has that name. */
export function runAs(wanted: string | undefined, ownUid: () => number): RunAs {
  if (!isRoot()) return asMyself(wanted)
  if (wanted === undefined) return asNumber(ownUid())
  const account = accounts().find(({ user }) => user === wanted)
  if (account === undefined) {
    throw new Failure(`there is no user ${wanted} to run QEMU as`, { hints: ['choose one: run_as=USER'] })
  }
  return { ...account, prefix: account.uid === 0 ? [] : dropTo(account), isOwn: false }
}

/** A user without name and rights who is no VM's: what such a user can do here, all of root's VMs can. */
export function anyVmsUser(): RunAs {
  return { ...asNumber(rangeHere()[0]), user: 'a user of its own' }
}

/** Whom a VM with this `run_as` runs as, whichever VM it is. */
export function runAsInGeneral(wanted: string | undefined): RunAs {
  return isRoot() && wanted === undefined ? anyVmsUser() : runAs(wanted, () => 0)
}

/**
 * A number for a VM of root's that is not among `taken`, and that no account has either. `seed` says where the search begins:
 * `taken` is of one place, and all that runs as a VM's user is killed with it, so VMs of two places (NBSVM_HOME, a container)
 * must hardly ever have one number. Of 16 million numbers, two times a hundred VMs share one in a case of 1,600.
 */
export function freeUid(taken: ReadonlySet<number>, seed: string): number {
  const named = new Set(accounts().map(({ uid }) => uid))
  const [first, last] = rangeHere()
  // The first is nobody's: `anyVmsUser`.
  const many = last - first
  const begin = digest(`uid ${seed}`, 4).readUInt32BE() % many
  for (let step = 0; step < many; step++) {
    const uid = first + 1 + ((begin + step) % many)
    if (!taken.has(uid) && !named.has(uid)) return uid
  }
  throw new Failure(`all ${many} user numbers for VMs are taken`, { hints: ['choose a user: run_as=USER'] })
}

/** Whether a number is one that VMs get, and no account has. */
export function isVmsUser(uid: number): boolean {
  return ranges.some(([first, last]) => first < uid && uid <= last) && !accounts().some((account) => account.uid === uid)
}

/** The range of which this user namespace has all. */
function rangeHere(): readonly [first: number, last: number] {
  // user_namespaces(7): the first number here, the one it is outside, how many.
  const mapped = (readText('/proc/self/uid_map') ?? '').split('\n').map((line) => line.trim().split(/\s+/).map(Number))
  const found = ranges.find(([first, last]) => mapped.some(([begin = 0, , count = 0]) => begin <= first && last < begin + count))
  if (found !== undefined) return found
  throw new Failure('this container has no user numbers for VMs', {
    hints: ['give it more (uid_map), or choose a user: run_as=USER', 'or keep root, if you trust the guests: run_as=root'],
  })
}

function asNumber(uid: number): RunAs {
  const account = { user: `uid ${uid}`, uid, gid: uid }
  return { ...account, prefix: dropTo(account), isOwn: true }
}

/**
 * The processes that run as a VM's own user. Where there are none, which is usual, that costs no look at all processes: a signal
 * to all that this user may signal finds nobody.
 */
export async function processesOf({ prefix, uid }: RunAs): Promise<number[]> {
  const { status } = await run([...prefix, 'sh', '-c', 'kill -0 -1'])
  return status === 0 ? processesAs(uid) : []
}

/** Kills all that runs as a VM's own user. */
export async function killProcesses({ prefix }: RunAs): Promise<void> {
  await run([...prefix, 'sh', '-c', 'kill -KILL -1'])
}

type Account = Omit<RunAs, 'prefix' | 'isOwn'>

function asMyself(wanted: string | undefined): RunAs {
  const [uid = 0] = userIds()
  const me = accounts().find((account) => account.uid === uid) ?? { user: String(uid), uid, gid: groupId() ?? uid }
  if (wanted === undefined || wanted === me.user) return { ...me, prefix: [], isOwn: false }
  throw new UsageError(`run_as=${wanted}: only root can run QEMU as somebody else`, {
    code: 'NOT_ALLOWED',
    hints: ['run nbsvm as root, or without run_as'],
  })
}

function accounts(): Account[] {
  const lines = (readText('/etc/passwd') ?? '').split('\n')
  return lines.map((line) => {
    const [user = '', , uid, gid] = line.split(':')
    return { user, uid: Number(uid), gid: Number(gid) }
  })
}

/** setpriv(1): no capabilities, no way back, and of all groups only the one that /dev/kvm is open to. */
function dropTo({ uid, gid }: Account): Words {
  const kvm = stat('/dev/kvm')
  const mayUseKvm = kvm !== undefined && kvm.gid !== 0 && (kvm.mode & 0o060) === 0o060
  const groups = mayUseKvm ? ['--groups', String(kvm.gid)] : ['--clear-groups']
  const rights = ['--inh-caps', '-all', '--bounding-set', '-all', '--no-new-privs']
  return ['setpriv', '--reuid', String(uid), '--regid', String(gid), ...groups, ...rights, '--']
}
