// Runs a line about other machines' VMs: there, by their own nbsvm.
import { actions } from '../action/rows.js'
import { chooseClass } from '../config/class.js'
import { UsageError } from '../core/errors.js'
import { isGlob } from '../core/glob.js'
import { wholeInput } from '../action/exec.js'
import { callHost, type Guard, type Way } from '../remote/call.js'
import { socketsIn } from '../remote/connection.js'
import { hereFull } from '../sys/file.js'
import { isTerminal } from '../sys/output.js'
import { ownFilesOf, refuseRelative } from './ownfiles.js'
import type { RemoteLine, Step } from './parse.js'
import { printError } from './report.js'
import { toldApart } from './status.js'
import { wayThrough } from './through.js'
import { pathHere, withFiles, wordsThere } from './travel.js'
import { voice } from './voice.js'
import type { World } from './world.js'

/**
 * Runs the line on each machine that it names, side by side; `here` runs it for this machine's own VMs. Resolves to the first exit
 * status that is not 0. What a machine that cannot be reached would have done does not keep the others from it.
 */
export async function runRemote(
  line: RemoteLine,
  world: World,
  here: (names: readonly string[]) => Promise<number>,
): Promise<number> {
  const byHost = new Map<string | undefined, string[]>()
  for (const { host, name } of line.targets) byHost.set(host, [...(byHost.get(host) ?? []), name])
  refuseMany(line)
  for (const host of byHost.keys()) if (host !== undefined) refuseRelative(line, host, (file) => hereFull(file) !== undefined)
  // What is wrong with a key is told before anything is done.
  wordsThere(line.written, '')
  const isOneOfMany = byHost.size > 1
  const call = async (host: string | undefined, names: readonly string[]): Promise<number> => {
    try {
      return await (host === undefined ? here(names) : callFor(line, { host, names, isOneOfMany }, world))
    } catch (error) {
      return toldApart(printError(error, isOneOfMany && host !== undefined ? `${host}: ` : ''), line.steps)
    }
  }
  const statuses = await Promise.all([...byHost].map(([host, names]) => call(host, names)))
  return statuses.find((status) => status !== 0) ?? 0
}

interface On {
  readonly host: string
  readonly names: readonly string[]
  readonly isOneOfMany: boolean
}

/** Runs the line on one machine, its files with it. */
async function callFor(line: RemoteLine, { host, names, isOneOfMany }: On, world: World): Promise<number> {
  const { place, signal } = world
  const machine = { host, sockets: socketsIn(place.state) }
  const { note, progress } = voice(isOneOfMany ? host : undefined)
  const about = names.filter((name) => name !== '')
  const call = async (mirror?: Way['mirror']): Promise<number> => {
    const { settings, steps } = wordsThere(line.written, mirror?.root ?? '')
    const before = [...(about.length === 0 ? [] : [about.join(',')]), ...classWords(line, world), ...settings]
    for (const { through, steps: some, written } of partsOf(line.steps, steps)) {
      const words = (step: readonly string[]): string[] => [...before, ...step]
      const way: Way = { mirror, guard, ...(isOneOfMany ? { input: 'none', as: host } : { input: inputOf(some) }) }
      const callThere = (step: readonly string[]): Promise<number> => callHost(machine, words(step), way, { signal, note })
      const [step] = some
      const status = await (through === undefined || step === undefined
        ? callThere(written.flat())
        : through({ machine, name: about[0] ?? '', line, step, words, call: callThere }, world))
      if (status !== 0) return status
    }
    return 0
  }
  // What has come to its end here cannot be cut off on its way.
  const readsInput = line.steps.some(({ name }) => rowOf(name)?.reads === 'stdin')
  const input = readsInput ? await wholeInput({ note, signal }) : undefined
  const files = ownFilesOf(line, { at: pathHere, input })
  // Through a pipe nothing there would be told that nobody waits any more, but that the pipe has ended.
  const isPiped = inputOf(line.steps) === 'terminal' && !isOneOfMany && !isTerminal(0)
  return files === undefined && !isPiped ? call() : withFiles(machine, files, { signal, note, progress }, call)
}

async function guard(): Promise<Guard> {
  return (await import('./guard.js')).makeGuard()
}

/** Steps that go there in one line, or one that does something here. */
interface Part {
  readonly through: ReturnType<typeof wayThrough>
  readonly steps: readonly Step[]
  readonly written: readonly (readonly string[])[]
}

function partsOf(steps: readonly Step[], written: readonly (readonly string[])[]): Part[] {
  const parts: Part[] = []
  for (const [at, step] of steps.entries()) {
    const through = wayThrough(step)
    const last = parts.at(-1)
    // A line that says nothing means `status`.
    const words = written[at] === undefined ? [] : [written[at]]
    if (through !== undefined || last === undefined || last.through !== undefined)
      parts.push({ through, steps: [step], written: words })
    else parts.splice(-1, 1, { ...last, steps: [...last.steps, step], written: [...last.written, ...words] })
  }
  return parts
}

/** The class that the name of the program or a variable here says, which nobody there would know. */
function classWords({ settings, targets }: RemoteLine, { environment, program }: World): string[] {
  if (settings['class'] !== undefined || targets.every(({ name }) => name === '')) return []
  const vmClass = chooseClass({ commandLine: undefined, environment, program })
  return vmClass === undefined ? [] : [`class=${vmClass}`]
}

function refuseMany({ targets, steps }: RemoteLine): void {
  if (targets.length === 1 && targets.every(({ name }) => !isGlob(name))) return
  const alone = steps.find(({ name }) => rowOf(name)?.interactive)
  if (alone !== undefined) throw new UsageError(`${alone.name} takes over the terminal, so it is for one VM at a time`)
  const opens = steps.find((step) => step.name === 'forward' && step.flags['remove'] !== true)
  if (opens !== undefined) throw new UsageError('forward opens ports of this machine, so it is for one VM at a time')
}

function rowOf(name: string): (typeof actions)[number] | undefined {
  return actions.find((row) => row.name === name)
}

function inputOf(steps: readonly Step[]): Way['input'] {
  const rows = steps.map((step) => ({ row: rowOf(step.name), asks: step.flags['yes'] !== true }))
  return rows.some(({ row, asks }) => row?.interactive === true || row?.reads === 'stream' || (row?.reads === 'consent' && asks))
    ? 'terminal'
    : 'none'
}
