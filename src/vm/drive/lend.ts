// How a QEMU that has given up the right to open files of root's opens one nevertheless.
import { Failure } from '../../core/errors.js'
import { isRoot } from '../../sys/environment.js'
import { close, giveOpen, lstat, openPath, realPath, remove, setModeOpen, stat, statOpen, type Stats } from '../../sys/file.js'
import { linkNew } from '../../sys/link.js'
import { descriptorOf } from '../../sys/process.js'
import type { Drawer } from '../record/drawer.js'

/** A QEMU that runs. */
export interface Borrower {
  readonly drawer: Pick<Drawer, 'run'>
  readonly pid: number
}

export interface Loan {
  readonly file: string
  /** A name that no other loan of the moment has. */
  readonly as: string
  readonly mode: 'read' | 'write'
  /** The store's folder that QEMU holds open. */
  readonly layers: string | undefined
}

/** Whether QEMU runs as another user than root, for whom root opens what it needs. */
export function needsLoans({ drawer }: Pick<Borrower, 'drawer'>): boolean {
  const owner = stat(drawer.run)
  return isRoot() && owner !== undefined && owner.uid !== 0
}

/**
 * Lets QEMU open a file of root's for as long as `work` takes: for that moment QEMU's user may, and the file has a name in a folder
 * that QEMU holds open. Afterwards it is as it was: one day it is the base of other VMs' drives, which none of them may change.
 * `work` gets the path as QEMU finds it. Throws a Failure where the VM was not prepared for that, or the file is on another file system.
 *
 * A disc or a disk may be in a folder of somebody else's, who can put another file in its place at any moment: what changes hands,
 * and back, is what was there first, by its descriptor.
 */
export async function lend<T>(to: Borrower, loan: Loan, work: (path: string) => Promise<T>): Promise<T> {
  const owner = stat(to.drawer.run)
  const real = realPath(loan.file)
  if (!needsLoans(to) || real === undefined || owner === undefined) return work(loan.file)
  const held = openPath(real)
  try {
    return await lendOpen(to, { ...loan, held, owner }, work)
  } finally {
    close(held)
  }
}

interface OpenLoan extends Loan {
  readonly held: number
  /** QEMU's user. */
  readonly owner: Stats
}

async function lendOpen<T>(
  to: Borrower,
  { file, as, mode, layers, held, owner }: OpenLoan,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const before = statOpen(held)
  if (!before.isFile() && !before.isBlockDevice()) throw exchanged(file)
  const path = before.isBlockDevice() ? file : nameIn(to, as, layers)
  const link = `${layers ?? ''}/${as}`
  if (path !== file) remove(link)
  try {
    if (mode === 'write') giveOpen(held, owner)
    else {
      giveOpen(held, { uid: 0, gid: owner.gid })
      setModeOpen(held, 0o440)
    }
    if (path !== file) {
      linkNew(file, link)
      const linked = lstat(link)
      if (linked?.ino !== before.ino || linked.dev !== before.dev) throw exchanged(file)
    }
    return await work(path)
  } finally {
    if (path !== file) remove(link)
    giveOpen(held, before)
    // Also what its owner of a moment may have allowed to others is over.
    setModeOpen(held, before.mode & 0o7777)
  }
}

function exchanged(file: string): Failure {
  return new Failure(`${file} has been exchanged by somebody meanwhile`, { code: 'BUSY' })
}

/** What QEMU calls a name in the folder that it holds open. */
function nameIn({ pid }: Borrower, as: string, layers: string | undefined): string {
  const folder = layers === undefined ? undefined : stat(layers)
  const fd = folder === undefined ? undefined : descriptorOf(pid, folder)
  if (fd !== undefined) return `/proc/self/fd/${fd}/${as}`
  throw new Failure('its QEMU was not prepared for that when it started', {
    hints: ['restart it, then try again; or do it while it does not run'],
  })
}
