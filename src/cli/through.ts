// What a line about a VM of another machine does here, through the connection: its screen is shown here, and ports of this machine lead
// into it.
import { showScreen } from '../action/vnc.js'
import { loadSettings } from '../config/layers.js'
import { hasScreen } from '../console/viewer.js'
import { UsageError } from '../core/errors.js'
import { printableMessage } from '../core/text.js'
import { listenText, parseClosings, parseForwards, type Forward } from '../model/forward.js'
import { connect, type Machine } from '../remote/connection.js'
import { takenHints } from '../net/taken.js'
import { keepThere, leaveThere } from '../remote/kept.js'
import { closeLeads, requireAnswer, socketLead, type Lead } from '../remote/leads.js'
import { remove } from '../sys/file.js'
import { write } from '../sys/output.js'
import { serveSocket } from '../vm/life/attach.js'
import type { RemoteLine, Step } from './parse.js'
import { voice } from './voice.js'
import type { World } from './world.js'

/** A step of a line that is about one VM. */
export interface Through {
  readonly machine: Machine
  readonly name: string
  readonly line: RemoteLine
  readonly step: Step
  /** Runs there what is given in place of the step's own words, by the words that stand for the VM and its settings. */
  readonly words: (step: readonly string[]) => string[]
  readonly call: (step: readonly string[]) => Promise<number>
}

type Here = Pick<World, 'signal' | 'environment' | 'place'>

/** What a step does here in place of being run there alone; undefined for all others. Resolves to its exit status. */
export function wayThrough({ name, flags }: Step): ((through: Through, here: Here) => Promise<number>) | undefined {
  if (name === 'vnc' && flags['socket'] !== true) return showThrough
  return name === 'forward' ? forwardThrough : undefined
}

async function showThrough({ machine, name, line, words }: Through, here: Here): Promise<number> {
  const { signal, environment } = here
  const { viewer, vnc_port: port } = await settingsHere(line, here)
  const { note, out } = voice(undefined)
  let socketPath = ''
  const leadsTo = (there: string): { leads: Lead[] } => {
    const lead = socketLead(machine, there)
    socketPath = lead.here
    return { leads: [lead] }
  }
  const kept = await keepThere(machine, words(['vnc', '--socket']), leadsTo, { signal, note })
  if (!('close' in kept)) return tell(kept)
  try {
    await requireAnswer(machine, socketPath)
    const screen = await serveSocket({ socketPath, port }, { viewer, hasScreen: hasScreen(environment) })
    const gone = (): Promise<unknown> => Promise.race([kept.ended, aborted(signal)])
    await showScreen(screen, { id: `${machine.host}:${name}`, out, note, signal, gone })
    return signal.aborted ? 0 : await kept.status()
  } finally {
    await kept.close()
    remove(socketPath)
  }
}

/** The viewer is one of this machine, so what is said of it here counts. */
async function settingsHere({ settings: { viewer, vnc_port } }: RemoteLine, { environment, place }: Here) {
  const commandLine = { ...(viewer === undefined ? {} : { viewer }), ...(vnc_port === undefined ? {} : { vnc_port }) }
  const subject = { folders: place.config, vm: undefined, vmClass: undefined, drawer: undefined, commandLine, environment }
  return (await loadSettings(subject)).settings
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** What a line there has said of errors, for whoever waits here. */
function tell({ status, errors }: { readonly status: number | undefined; readonly errors: string }): number {
  if (errors !== '') write(2, `${printableMessage(errors.trimEnd())}\n`)
  return status ?? 0
}

async function forwardThrough({ machine, step, words, call }: Through, { signal }: Here): Promise<number> {
  const { note, out } = voice(undefined)
  if (step.flags['remove'] === true) return closeThrough()
  const wanted = parseForwards(step.words)
  refuseUdp(wanted, machine)
  const pairs = wanted.map(({ hostPort, guestPort }) => `${hostPort}:${guestPort}`)
  const held = words(['forward', '--hold', ...pairs])
  const open = { leads: wanted.map(leadOf), hints: takenHints(wanted) }
  if (step.flags['hold'] !== true) return tell(await leaveThere(machine, held, open, { signal, note }))
  const kept = await keepThere(machine, held, () => open, { signal, note })
  if (!('close' in kept)) return tell(kept)
  for (const forward of wanted) out(`${listenText(forward)}->${forward.guestPort}`)
  try {
    await Promise.race([kept.ended, aborted(signal)])
    return signal.aborted ? 0 : await kept.status()
  } finally {
    await kept.close()
  }

  async function closeThrough(): Promise<number> {
    const unwanted = parseClosings(step.words)
    refuseUdp(unwanted, machine)
    const pairs = unwanted.map(({ hostPort, guestPort }) => (guestPort === 0 ? `${hostPort}` : `${hostPort}:${guestPort}`))
    const status = await call(['forward', '--remove', ...pairs])
    await connect(machine, { signal })
    // What holds it open there ends within a second, but whoever types the next line may not wait for that.
    if (status === 0) await closeLeads(machine, unwanted.map(leadOf))
    return status
  }
}

/** The port there is that of the machine's loopback, with the same number. */
function leadOf(forward: Forward): Lead {
  return { here: listenText(forward), there: `127.0.0.1:${forward.hostPort}` }
}

function refuseUdp(forwards: readonly Forward[], { host }: Machine): void {
  const udp = forwards.find(({ protocol }) => protocol === 'udp')
  if (udp === undefined) return
  throw new UsageError(`udp does not go through the connection to ${host}`, {
    hints: [`on ${host} itself: ssh ${host} nbsvm VM forward ${udp.hostPort}:${udp.guestPort || 'PORT'}/udp`],
  })
}
