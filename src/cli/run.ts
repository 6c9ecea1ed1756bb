// Runs a line that has been read: finds its VMs, checks all of it, then acts.
import { actionCode, commandCode, helpText } from '../action/load.js'
import { actions, commands } from '../action/rows.js'
import type { ActionRow, CommandContext, Context } from '../action/verb.js'
import { chooseClass } from '../config/class.js'
import { isSettingName, settingNames } from '../config/settings.js'
import { errorCode, Failure, UsageError } from '../core/errors.js'
import { isGlob } from '../core/glob.js'
import { quote } from '../core/quote.js'
import type { Outside } from '../host/place.js'
import type { Vm } from '../vm/record/vm.js'
import { systemHints } from '../host/hint.js'
import { linesForAlone } from './meant.js'
import { parseLine, type Line, type Step, type VmLine } from './parse.js'
import { toldApart } from './status.js'
import { nameAmong } from './voice.js'
import type { World } from './world.js'

/**
 * Runs the words after `nbsvm`. Returns the exit status; throws what was wrong before anything was done, and what `check` throws of
 * a line that was read.
 */
export async function runLine(argv: readonly string[], world: World, check?: (line: Line) => void): Promise<number> {
  const grammar = { actions, commands, settings: ['class', ...settingNames] }
  const line = parseLine(argv, grammar)
  check?.(line)
  if (line.kind === 'command') return runCommand(line.step, world)
  const readsScript = line.steps.some(({ name }) => name === 'run')
  const steps = readsScript ? (await import('./script.js')).withScripts(line.steps, grammar) : line.steps
  if (line.kind === 'vm') return runVmLine({ ...line, steps }, world)
  const here = (targets: readonly string[]): Promise<number> =>
    runVmLine({ ...line, kind: 'vm', targets, steps }, world, 'one of many')
  return (await import('./remote.js')).runRemote({ ...line, steps }, world, here)
}

async function runCommand({ name, words, flags }: Step, world: World): Promise<number> {
  const command = await codeOf(commandCode, name)
  const context: CommandContext = {
    words,
    flags,
    outside: outsideOf(world, {}),
    signal: world.signal,
    helpText,
    runLine: another(world),
    ...world.mouth.voice(undefined),
  }
  return (await command.run(context)) ?? 0
}

/** The code of a row, which a test sees to it is there. */
function codeOf<Code>(table: Readonly<Record<string, () => Promise<Code>>>, name: string): Promise<Code> {
  const load = table[name]
  if (load === undefined) throw new Error(`action/load.ts has no code for ${name}`)
  return load()
}

async function runVmLine(line: VmLine, world: World, among?: 'one of many'): Promise<number> {
  const outside = outsideOf(world, line.settings)
  const { openVm } = await import('../vm/record/vm.js')
  const names = await expandTargets(line.targets, outside, world)
  refuseCommandNames(names)
  const all = line.steps.flatMap((step) => [step, ...(step.script ?? []).flatMap(({ steps }) => steps)])
  const chain = all.map((step) => ({ step, row: rowOf(step) }))
  const isStrict = chain.some(({ row }) => !row.goesWithoutFiles)
  const vms: Vm[] = []
  for (const name of names) vms.push(await openVm(name, outside, isStrict ? undefined : world.mouth.report))
  const alone = chain.find(({ row }) => row.interactive)
  if (alone !== undefined && vms.length > 1) {
    throw new UsageError(`${alone.row.name} takes over the terminal, so it is for one VM at a time, not for ${names.join(', ')}`)
  }
  for (const vm of vms) await checkNeeds(vm, chain, outside)
  const statuses = await Promise.all(
    vms.map((vm) => runChain(vm, line.steps, outside, world, among !== undefined || vms.length > 1)),
  )
  return statuses.find((status) => status !== 0) ?? 0
}

/** Runs another line in the same world, for whoever asks for it: `web` does. */
function another(world: World): Context['runLine'] {
  return async (words, asker) => (await import('./another.js')).runAnother(words, asker, world, runLine)
}

type Chain = readonly { readonly step: Step; readonly row: ActionRow }[]

function rowOf({ name }: Step): ActionRow {
  const row = actions.find((one) => one.name === name)
  if (row === undefined) throw new UsageError(`unknown action ${name}`)
  return row
}

function outsideOf({ program, environment, place }: World, settings: VmLine['settings']): Outside {
  const { class: commandLine, ...rest } = settings
  const line = Object.fromEntries(Object.entries(rest).filter(([name]) => isSettingName(name)))
  return { place, environment, line, vmClass: chooseClass({ commandLine, environment, program }) }
}

/** Names as they are, patterns as the VMs that match them. */
async function expandTargets(targets: readonly string[], outside: Outside, { mouth }: World): Promise<string[]> {
  if (!targets.some(isGlob)) return [...new Set(targets)]
  const { matchVms } = await import('../vm/list/match.js')
  return matchVms(targets, outside, mouth.report)
}

/** `nbsvm foo,ls stop`: a VM of that name could never be called by itself. */
function refuseCommandNames(names: readonly string[]): void {
  const wrong = names.find((name) => commands.some((row) => row.name === name && row.isVmToo !== true))
  if (wrong !== undefined) throw new UsageError(`${quote(wrong)} is not a VM name: it is a command of nbsvm`)
}

/** Checks that every VM which the chain counts on is there, or is made before. */
async function checkNeeds(vm: Vm, chain: Chain, outside: Outside): Promise<void> {
  const needing = chain.findIndex(({ row }) => row.needs !== 'nothing')
  const making = chain.findIndex(({ row }) => row.makes && row.needs === 'nothing')
  if (needing === -1 || (making !== -1 && making < needing)) return
  const first = chain[needing]
  const { exists, noSuchVm } = await import('../vm/list/exists.js')
  const { bootsOtherwise } = await import('../vm/record/vm.js')
  const options = first?.row.takes === 'options' ? first.step.words : []
  if ((first?.row.needs === 'bootable' && bootsOtherwise(vm, options)) || (await exists(vm))) return
  // `nbsvm hepl`: a name alone may be a mistyped command.
  const isAlone = chain.length === 1 && first?.step.name === 'status'
  const lines = isAlone ? linesForAlone(vm.name) : []
  if (lines.length > 0) throw new UsageError(`there is no VM ${vm.id}`, { hints: lines })
  throw await noSuchVm(vm, outside, isAlone ? commands.map(({ name }) => name) : [])
}

/** Runs the actions one after the other; stops at the first that fails. */
async function runChain(vm: Vm, steps: VmLine['steps'], outside: Outside, world: World, isOneOfMany: boolean): Promise<number> {
  const name = nameAmong(vm.id, isOneOfMany)
  const { signal, mouth } = world
  const speak = (flags: Step['flags']) => mouth.voice(flags['json'] === true ? undefined : name)
  const { vmNow } = await import('../vm/record/vm.js')
  let doing: Step | undefined
  const perform = async (chain: readonly Step[]): Promise<number> => {
    for (const step of chain) {
      doing = step
      const { name, words, flags } = step
      const script = (step.script ?? []).map(({ place, text, steps }) => ({ place, text, perform: () => perform(steps) }))
      const verb = await codeOf(actionCode, name)
      const context: Context = { vm: vmNow(vm), words, flags, script, signal, outside, runLine: another(world), ...speak(flags) }
      const status = (await verb.run(context)) ?? 0
      if (status !== 0) return status
      if (signal.aborted) throw new Failure('interrupted')
    }
    return 0
  }
  try {
    return await perform(steps)
  } catch (error) {
    const status = mouth.report(explained(error, vm, doing), name === undefined ? '' : `${name}: `)
    // 2 means that nothing was done.
    return toldApart(status === 2 && doing !== steps[0] ? 1 : status, doing === undefined ? [] : [doing])
  }
}

/** What the system says of itself, `ENOSPC: no space left on device, write`, tells neither what was done nor to what. */
function explained(error: unknown, { id, place }: Vm, doing: Step | undefined): unknown {
  const code = errorCode(error)
  if (error instanceof Failure || code === undefined) return error
  return new Failure(`${doing?.name} of ${id} failed`, { cause: error, hints: systemHints(error, place) })
}
