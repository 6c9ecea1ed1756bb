// Ports of the host that lead into a VM, opened and closed while it runs.
import type { Caller } from '../../core/caller.js'
import { Failure } from '../../core/errors.js'
import { helperStates } from '../../helper/helpers.js'
import { inTheWay, isSame, listensAlike, listenText, spelledOut, type Forward, type SpelledForward } from '../../model/forward.js'
import { passtName } from '../../net/passt.js'
import { requireIpv4 } from '../../net/plan.js'
import { takenHints } from '../../net/taken.js'
import { hostForward, listening } from '../../qemu/device/nic.js'
import { withQmp, type Qmp } from '../../qemu/qmp.js'
import { pause } from '../../sys/clock.js'
import { isFree } from '../../sys/socket.js'
import { requireRunning } from '../life/up.js'
import { noteAdded, readAdded, whileAdding } from '../record/added.js'
import { isRunning, journalOf } from '../record/state.js'
import type { Vm } from '../record/vm.js'

const qmpTimeoutMs = 5000

/** Each is a process. */
const mostTunnels = 16

/** What became of it. */
export interface Forwarded {
  /** All ports that lead into the VM now. */
  readonly forwards: readonly SpelledForward[]
}

/**
 * Opens ports into a running VM, all of them or none; those that lead there already are left as they are. They are closed when
 * the VM ends. Throws a Failure where a port is taken or leads elsewhere, and where the VM's network cannot.
 */
export function addForwards(vm: Vm, wanted: readonly Forward[], caller: Caller = {}): Promise<Forwarded> {
  return changeForwards(vm, caller, async (way, now) => {
    const missing = wanted.filter((forward) => !now.some((one) => isSame(one, forward)))
    for (const forward of missing) refuseTaken(vm, now, forward)
    way.check(missing, now)
    const added: Forward[] = []
    try {
      for (const forward of missing) added.push(await way.open(forward))
    } catch (error) {
      for (const forward of added) await way.close(forward).catch(() => {})
      throw error
    }
    return [...now, ...added]
  })
}

/** Which ports are to be closed: `guestPort` 0 where it does not matter where they lead. */
export type Closing = Forward

/** Closes ports of a running VM, those that it was started with too. Throws a Failure, before any is closed, for one that leads nowhere. */
export function removeForwards(vm: Vm, unwanted: readonly Closing[], caller: Caller = {}): Promise<Forwarded> {
  return changeForwards(vm, caller, async (way, now) => {
    const closing = unwanted.map((wanted) => find(vm, now, wanted))
    let left = now
    for (const forward of closing) {
      await way.close(forward)
      left = left.filter((one) => one !== forward)
    }
    return left
  })
}

const lookEveryMs = 1000

/**
 * Opens ports as `addForwards` does, and closes those that were not open before when `signal` is aborted. Resolves then, or as soon as
 * all of them are closed, or the VM has ended. `onOpen` is called with each, as text, when all are open.
 */
export async function holdForwards(
  vm: Vm,
  wanted: readonly Forward[],
  { signal, onOpen }: { readonly signal: AbortSignal; readonly onOpen: (text: string) => void },
): Promise<void> {
  const missing = (): Forward[] => wanted.filter((forward) => !forwardsOf(vm).some((one) => isSame(one, forward)))
  const ours = missing()
  await addForwards(vm, wanted, { signal })
  try {
    for (const forward of wanted) onOpen(`${listenText(forward)}->${forward.guestPort}`)
    while (!signal.aborted && missing().length < wanted.length) await pause(lookEveryMs, signal).catch(() => {})
  } finally {
    const gone = missing()
    const left = ours.filter((forward) => !gone.includes(forward))
    if (left.length > 0) await removeForwards(vm, left)
  }
}

/** The ports that lead into a VM now; none into one that does not run. */
function forwardsOf({ drawer }: Vm): readonly Forward[] {
  return isRunning(drawer) ? (journalOf(drawer).started?.forwards ?? []) : []
}

/** How ports come to a VM while it runs, and go. */
interface Way {
  /** Throws a Failure where it cannot add all of these to what is there. */
  check(missing: readonly Forward[], now: readonly Forward[]): void
  /** Returns the forward as it is to be remembered. */
  open(forward: Forward): Promise<Forward>
  close(forward: Forward): Promise<void>
}

type Change = (way: Way, now: readonly Forward[]) => Promise<readonly Forward[]>

async function changeForwards(vm: Vm, caller: Caller, change: Change): Promise<Forwarded> {
  const { drawer, id } = vm
  const { signal } = caller
  requireRunning(vm, 'forward ports into')
  return whileAdding(drawer, `forward ports into ${id}`, signal, async () => {
    refuseTaps(vm)
    const now = journalOf(drawer).started?.forwards ?? []
    const isPasst = helperStates(drawer.folder).some(({ name }) => name === passtName)
    const after = isPasst
      ? await change(byTunnels(vm, caller), now)
      : await withQmp(drawer.qmp, { timeoutMs: qmpTimeoutMs, signal }, (qmp) => change(byQemu(vm, qmp), now))
    noteAdded(drawer, { forwards: after })
    return { forwards: after.map(spelledOut) }
  })
}

function refuseTaps({ id, call, drawer }: Vm): void {
  const taps = journalOf(drawer).started?.taps ?? []
  if (taps.length === 0) return
  throw new Failure(
    `${id} is on ${taps.join(' and ')}: it is reached at its own address, so no port of this machine leads there`,
    {
      code: 'NETWORK_UNUSABLE',
      hints: [`see its address: ${call} status`, `or start it on the user network: ${call} bridge=none forward=HOST:GUEST start`],
    },
  )
}

/** QEMU's own user network. */
function byQemu(vm: Vm, qmp: Qmp): Way {
  return {
    check: requireIpv4,
    open: async (forward) => {
      await open(vm, qmp, forward)
      return forward
    },
    close: (forward) => close(qmp, forward),
  }
}

/** passt opens ports only when it starts: what comes later goes by ssh, where that gets in. */
function byTunnels(vm: Vm, caller: Caller): Way {
  const late = `passt serves the network of ${vm.id}, and opens ports only when it starts`
  const hints = [
    `with the next start: ${vm.call} forward=HOST:GUEST stop start`,
    `or by QEMU's own user network, where ports come and go: ${vm.call} network='-nic user' stop start`,
  ]
  return {
    check: (missing, now) => {
      const udp = missing.some(({ protocol }) => protocol === 'udp')
      if (udp) throw new Failure(`${late}; ssh, which can help out, carries no udp`, { code: 'NETWORK_UNUSABLE', hints })
      const count = missing.length + now.filter(({ tunnel }) => tunnel !== undefined).length
      if (count > mostTunnels)
        throw new Failure(`${late}; ssh helps out, for ${mostTunnels} ports at most`, { code: 'NETWORK_UNUSABLE', hints })
    },
    open: async (forward) => {
      // Of what it is told ssh says too little.
      if (forward.address === undefined && !(await isFree(forward.hostPort)))
        throw taken(forward, 'it is taken, or closed to you')
      const { openTunnel } = await import('./tunnel.js')
      return openTunnel(vm, forward, caller).catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error
        throw new Failure(`${late}; ssh, which can help out, does not get in`, {
          code: 'SSH_SILENT',
          cause: error,
          hints: [...error.hints, ...hints],
        })
      })
    },
    close: async (forward) => {
      if (forward.tunnel === undefined)
        throw new Failure(`${late}: it keeps ${listenText(forward)} open until the VM ends`, { code: 'NETWORK_UNUSABLE' })
      await (await import('./tunnel.js')).closeTunnel(vm, forward.tunnel)
    },
  }
}

function refuseTaken({ id, call }: Vm, now: readonly Forward[], forward: Forward): void {
  const other = inTheWay(now, forward)
  if (other === undefined) return
  throw new Failure(`${listenText(other)}/${other.protocol} leads to port ${other.guestPort} of ${id} already`, {
    code: 'PORT_TAKEN',
    hints: [`close it first: ${call} forward --remove ${other.hostPort}`],
  })
}

function find({ id, call }: Vm, now: readonly Forward[], wanted: Closing): Forward {
  const found = now.find((one) => (wanted.guestPort === 0 ? listensAlike(one, wanted) : isSame(one, wanted)))
  if (found !== undefined) return found
  throw new Failure(`${listenText(wanted)}/${wanted.protocol} does not lead into ${id}`, {
    code: 'PORT_UNKNOWN',
    hints: [`see which do: ${call}`],
  })
}

/** QEMU's answer is text of its monitor: none at all where it did it. */
async function open({ id, drawer }: Vm, qmp: Qmp, forward: Forward): Promise<void> {
  const line = `hostfwd_add ${hostForward(forward, readAdded(drawer).address)}`
  const add = (): Promise<string> => qmp.execute('human-monitor-command', { 'command-line': line })
  let answer = await add()
  // One that is not written down is of a nbsvm that was killed.
  if (answer.includes('Could not set up') && (await remove(qmp, forward)).includes('removed')) answer = await add()
  if (answer.trim() === '') return
  if (answer.includes('not in use'))
    throw new Failure(`${id} has no user network: no port of this machine leads into it`, { code: 'NETWORK_UNUSABLE' })
  throw taken(forward, `it is taken, or closed to QEMU: ${answer.trim()}`)
}

function taken(forward: Forward, why: string): Failure {
  return new Failure(`cannot listen on ${listenText(forward)}/${forward.protocol}: ${why}`, {
    code: 'PORT_TAKEN',
    hints: takenHints([forward]),
  })
}

async function close(qmp: Qmp, forward: Forward): Promise<void> {
  const answer = await remove(qmp, forward)
  // One that is gone is what was wanted: somebody may have closed it in QEMU's monitor.
  if (!/removed|not found/.test(answer)) throw new Failure(`QEMU does not close ${listenText(forward)}: ${answer.trim()}`)
}

function remove(qmp: Qmp, forward: Forward): Promise<string> {
  return qmp.execute('human-monitor-command', { 'command-line': `hostfwd_remove ${listening(forward)}` })
}
