// Whether a program listens on a port of a VM's guest. That a forwarded port takes a connection proves nothing: QEMU and passt take
// it before they ask the guest.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { helperStates } from '../../helper/helpers.js'
import type { Forward } from '../../model/forward.js'
import { passtName } from '../../net/passt.js'
import { withQmp } from '../../qemu/qmp.js'
import { deadlineIn, pause } from '../../sys/clock.js'
import { dial } from '../../sys/dial.js'
import { journalOf } from '../record/state.js'
import type { Vm } from '../record/vm.js'
import { ownAddress } from './address.js'

const qmpTimeoutMs = 2000
const lookEveryMs = 50

/** A guest that is there answers sooner; where it is not, QEMU goes on asking for a minute. */
const qemuPatienceMs = 1500

/** passt closes a connection that its guest has not answered after 10 s (SYN_TIMEOUT in its tcp.c): one that is open then was. */
const passtPatienceMs = 12_000

/** Makes one attempt. Throws a Failure where no port of the host leads there. */
export async function portAnswers(vm: Vm, port: number, { signal }: Caller = {}): Promise<boolean> {
  const forward = forwardTo(vm, port)
  const isPasst = helperStates(vm.drawer.folder).some(({ name }) => name === passtName)
  const before = isPasst ? [] : await established(vm, forward, signal)
  const deadline = deadlineIn(isPasst ? passtPatienceMs : qemuPatienceMs)
  const { host } = ownAddress(forward)
  const call = dial(host, forward.hostPort)
  try {
    for (;;) {
      await pause(lookEveryMs, signal)
      // QEMU knows of a connection whether the guest has taken it.
      const isTaken = !isPasst && (await established(vm, forward, signal)).some((fd) => !before.includes(fd))
      if (call.state === 'spoke' || (isTaken && call.state === 'open')) return true
      if (call.state === 'over') return false
      if (deadline.isOver) return isPasst && call.state === 'open'
    }
  } finally {
    call.close()
  }
}

function forwardTo({ id, call, drawer }: Vm, port: number): Forward {
  const forwards = journalOf(drawer).started?.forwards ?? []
  const found = forwards.find(({ guestPort, protocol }) => guestPort === port && protocol === 'tcp')
  if (found !== undefined) return found
  throw new Failure(`no port of this machine leads to port ${port} of ${id}, so nobody can say whether it answers`, {
    code: 'PORT_UNKNOWN',
    hints: [`let one lead there: ${call} forward ${port < 1024 ? port + 8000 : port}:${port}`],
  })
}

/** The descriptors of connections through a forward that the guest has taken. */
async function established({ drawer }: Vm, { hostPort, guestPort }: Forward, signal: AbortSignal | undefined): Promise<string[]> {
  const command = { 'command-line': 'info usernet' }
  const text = await withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs, signal }, (qmp) =>
    qmp.execute('human-monitor-command', command),
  )
  const row = /^ *TCP\[ESTABLISHED\] +(\d+) +\S+ +(\d+) +\S+ +(\d+) /gm
  return [...text.matchAll(row)].flatMap(([, fd = '', from, to]) =>
    Number(from) === hostPort && Number(to) === guestPort ? [fd] : [],
  )
}
