import { describeOrigin } from '../config/fold.js'
import { settingNames } from '../config/settings.js'
import { columns } from '../core/table.js'
import { quoteWord, quoteWords } from '../core/words.js'
import { pasteableHelpers } from '../helper/command.js'
import { makingCommands } from '../net/tap.js'
import { pasteable } from '../qemu/command.js'
import { isRoot } from '../sys/environment.js'
import { planMachine, type Plan } from '../vm/life/plan.js'
import { historyIn } from '../vm/record/drawer.js'
import { storeOf } from '../vm/record/stores.js'
import { tapsOf } from '../vm/life/taps.js'
import type { Vm } from '../vm/record/vm.js'
import { defaultOf } from './help.js'
import type { Verb } from './verb.js'

export const explain: Verb = {
  help: `Prints each setting with its value and where it came from, then what start would run, ready to paste into bash
or zsh: the helper programs, with how much each may write, and the QEMU command, one option a line. Nothing is started or changed. QEMU options may follow, as for start.

  nbsvm foo explain
  nbsvm foo mem=2048 explain -cdrom x.iso`,

  async run({ vm, words, out }) {
    const plan = await planMachine(vm, words)
    const { machine, runAs, helpers } = plan
    out(columns(settingRows(vm, plan)).join('\n'))
    if (plan.record.generation === 'auto')
      out('# generation id: random; written into its record when nbsvm makes a drive of it, or starts it')
    out('')
    const sudo = isRoot() ? [] : ['sudo']
    const asRoot = [...(await openingOf(vm)), ...tapsOf(machine, runAs.uid).flatMap(makingCommands)]
    for (const command of asRoot) out(quoteWords([...sudo, ...command]))
    for (const line of pasteableHelpers(vm.drawer.folder, helpers, historyIn(vm.drawer))) out(line)
    out(pasteable(machine, vm.drawer.folder, runAs))
  },
}

/** What lets a user's QEMU open its drives. */
async function openingOf(vm: Vm): Promise<readonly (readonly string[])[]> {
  if (vm.settings.drives !== undefined) return []
  const store = await storeOf(vm)
  return store.opening?.(await store.drives(vm.id)) ?? []
}

/** As comments, so that the page can be pasted. */
function settingRows({ folded }: Vm, { machine, record }: Plan): string[][] {
  const pinned: Readonly<Record<string, string | undefined>> = { machine: record.machine, cpu: record.cpu?.[machine.accelerator] }
  return settingNames.map((name) => {
    const pin = pinned[name]
    if (pin !== undefined && folded.texts[name] === undefined) return [`# ${name}=${quoteWord(pin)}`, 'pinned in the record']
    const value = folded.texts[name]
    const text = value === undefined ? '' : typeof value === 'string' ? quoteWord(value) : `(${quoteWords(value)})`
    const origin = describeOrigin(folded.origins[name])
    return [`# ${name}=${text}`, value === undefined ? `${origin}: ${defaultOf(name)}` : origin]
  })
}
