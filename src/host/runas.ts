// Whom QEMU runs as. A user's VMs run as the user; root's run as somebody who may nothing, unless root says otherwise.
import { Failure, UsageError } from '../core/errors.js'
import { groupId, isRoot, userIds } from '../sys/environment.js'
import { readText, stat } from '../sys/file.js'
import type { Words } from '../model/machine.js'

export interface RunAs {
  readonly user: string
  readonly uid: number
  readonly gid: number
  /** What QEMU is run through, so that it has given up every right before its first instruction; empty where it need not. */
  readonly prefix: Words
}

/** Under root, the first of these that there is. */
const servants = ['nbsvm', 'nobody']

/** Whom a VM with this `run_as` runs as. Throws when only root could do it, or nobody has that name. */
export function runAs(wanted: string | undefined): RunAs {
  if (!isRoot()) return asMyself(wanted)
  const account = find(wanted === undefined ? servants : [wanted])
  if (account === undefined) {
    throw new Failure(`there is no user ${wanted ?? servants.join(' or ')} to run QEMU as`, {
      hints: ['choose one: run_as=USER'],
    })
  }
  return account.uid === 0 ? { ...account, prefix: [] } : { ...account, prefix: dropTo(account) }
}

type Account = Omit<RunAs, 'prefix'>

function asMyself(wanted: string | undefined): RunAs {
  const [uid = 0] = userIds()
  const me = accounts().find((account) => account.uid === uid) ?? { user: String(uid), uid, gid: groupId() ?? uid }
  if (wanted === undefined || wanted === me.user) return { ...me, prefix: [] }
  throw new UsageError(`run_as=${wanted}: only root can run QEMU as somebody else`, {
    hints: ['run nbsvm as root, or without run_as'],
  })
}

/** The first of these users that there is. */
function find(users: readonly string[]): Account | undefined {
  const known = accounts()
  return users.map((user) => known.find((account) => account.user === user)).find((account) => account !== undefined)
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
