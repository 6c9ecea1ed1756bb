// Files that a running QEMU is to open, and what to say where it cannot.
import { Failure, fullMessage } from '../../core/errors.js'
import { quoteWord } from '../../core/words.js'
import type { Image } from '../../model/drive.js'
import { QmpError } from '../../qemu/qmp.js'
import { lend, needsLoans, type Borrower } from '../drive/lend.js'
import { qemuPid } from '../record/state.js'
import type { Vm } from '../record/vm.js'

/**
 * Gives `work` the image as QEMU can open it. First as it is: most files of discs are open to all. A QEMU of another user than
 * root's gets a loan of what it may not open, with all that the image stands on.
 */
export async function openable<T>(
  vm: Vm,
  image: Image,
  mode: 'read' | 'write',
  layers: string | undefined,
  work: (image: Image) => Promise<T>,
): Promise<T> {
  const pid = qemuPid(vm.drawer)
  const borrower = { drawer: vm.drawer, pid: pid ?? 0 }
  if (pid === undefined || !needsLoans(borrower)) return work(image)
  try {
    return await work(image)
  } catch (error) {
    if (!(error instanceof QmpError) || !/Permission denied/.test(error.desc)) throw error
    return lendChain(borrower, { image, mode, layers, as: `.lent-${vm.id}` }, work)
  }
}

interface ChainLoan {
  readonly image: Image
  readonly mode: 'read' | 'write'
  readonly layers: string | undefined
  readonly as: string
}

function lendChain<T>(to: Borrower, { image, mode, layers, as }: ChainLoan, work: (image: Image) => Promise<T>): Promise<T> {
  return lend(to, { file: image.path, as, mode, layers }, (path) => {
    const { backing } = image
    if (backing === undefined) return work({ ...image, path })
    return lendChain(to, { image: backing, mode: 'read', layers, as: `${as}-` }, (under) =>
      work({ ...image, path, backing: under }),
    )
  })
}

/** QEMU's words, and what to do. */
export function explained(what: string, error: unknown): unknown {
  if (error instanceof Failure && /Failed to get .*lock/.test(fullMessage(error))) {
    return new Failure(`${what} is in use by another program, a VM above all`, {
      code: 'DRIVE_IN_USE',
      hints: [`see which: fuser -v ${quoteWord(what)}`],
    })
  }
  if (error instanceof QmpError && /Permission denied/.test(error.desc)) {
    return new Failure(`QEMU may not open ${what}: ${error.desc}`, {
      code: 'NOT_ALLOWED',
      hints: [`see who may: ls -l ${quoteWord(what)}`],
    })
  }
  return error
}
