// Runs a line about other machines' VMs: there, by their own nbsvm.
import { actions } from '../action/rows.js'
import { chooseClass } from '../config/class.js'
import { UsageError } from '../core/errors.js'
import { isGlob } from '../core/glob.js'
import { quote } from '../core/quote.js'
import { callHost, type Way } from '../remote/call.js'
import { socketsIn } from '../remote/connection.js'
import type { RemoteLine, Step } from './parse.js'
import { printError } from './report.js'
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
  refuseOwnFiles(line)
  const { place, signal } = world
  const isOneOfMany = byHost.size > 1
  const { note } = voice(undefined)
  const sockets = socketsIn(place.state)
  const call = async (host: string, names: readonly string[]): Promise<number> => {
    const about = names.filter((name) => name !== '')
    const words = [...(about.length === 0 ? [] : [about.join(',')]), ...classWords(line, world), ...line.words]
    const way: Way = { input: isOneOfMany ? 'none' : inputOf(line.steps), ...(isOneOfMany ? { as: host } : {}) }
    try {
      return await callHost({ host, sockets }, words, way, { signal, note })
    } catch (error) {
      return printError(error, isOneOfMany ? `${host}: ` : '')
    }
  }
  const statuses = await Promise.all([...byHost].map(([host, names]) => (host === undefined ? here(names) : call(host, names))))
  return statuses.find((status) => status !== 0) ?? 0
}

/** The class that the name of the program or a variable here says, which nobody there would know. */
function classWords({ settings, targets }: RemoteLine, { environment, program }: World): string[] {
  if (settings['class'] !== undefined || targets.every(({ name }) => name === '')) return []
  const vmClass = chooseClass({ commandLine: undefined, environment, program })
  return vmClass === undefined ? [] : [`class=${vmClass}`]
}

function refuseMany({ targets, steps }: RemoteLine): void {
  const alone = steps.find(({ name }) => rowOf(name)?.interactive)
  if (alone === undefined || (targets.length === 1 && targets.every(({ name }) => !isGlob(name)))) return
  throw new UsageError(`${alone.name} takes over the terminal, so it is for one VM at a time`)
}

function rowOf(name: string): (typeof actions)[number] | undefined {
  return actions.find((row) => row.name === name)
}

function inputOf(steps: readonly Step[]): Way['input'] {
  const rows = steps.map((step) => ({ row: rowOf(step.name), asks: step.flags['yes'] !== true }))
  if (rows.some(({ row, asks }) => row?.interactive === true || (row?.reads === 'consent' && asks))) return 'terminal'
  return rows.some(({ row }) => row?.reads === 'stdin') ? 'stream' : 'none'
}

/** Words of these that are files are files of the other machine. */
const takesFiles: Readonly<Record<string, (word: string) => boolean>> = {
  cp: (word) => !word.startsWith(':'),
  run: () => true,
  screenshot: (word) => word !== '-',
}

/** A path from this folder means a file of this machine, and would be looked for there. */
function refuseOwnFiles({ targets, steps }: RemoteLine): void {
  for (const { name, words } of steps) {
    const own = words.find((word) => takesFiles[name]?.(word) === true && !word.startsWith('/'))
    const host = targets.find((target) => target.host !== undefined)?.host ?? ''
    if (own === undefined) continue
    throw new UsageError(`${name}: ${quote(own)} would be a file of ${host}, not of this machine`, {
      hints: [`write its whole path there; to bring a file there: scp FILE ${host}:/tmp/`],
    })
  }
}
