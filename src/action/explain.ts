import { columns } from '../core/table.js'
import { quoteWord, quoteWords } from '../core/words.js'
import { explainVm, type ExplainedSetting } from '../vm/life/explain.js'
import type { Verb } from './verb.js'

export const explain: Verb = {
  help: `Prints each setting with its value and where it came from, then what start would run, ready to paste into bash or zsh: the helper
programs, with how much each may write, and the QEMU command, one option a line; before it what a guest from an image is told of who it
is. Nothing is started or changed. QEMU options may follow, as for start.

  nbsvm foo explain
  nbsvm foo mem=2048 explain -cdrom x.iso
  nbsvm foo explain --json                   an object: id, settings, notes, seed, commands`,

  async run({ vm, words, flags, out, note, signal }) {
    const found = await explainVm(vm, words, { note, signal })
    if (flags['json'] === true) {
      out(JSON.stringify(found, undefined, 2))
      return
    }
    const { settings, notes, seed, commands } = found
    const told = seed.map(({ name, text }) => `\n${name}:\n${text.trimEnd().replaceAll(/^/gm, '  ')}`)
    // As comments, so that the page can be pasted.
    const comments = [...notes, ...told].flatMap((text) => text.split('\n').map((line) => `# ${line}`.trimEnd()))
    out([...columns(settings.map(rowOf)), ...comments, '', ...commands].join('\n'))
  },
}

function rowOf({ name, value, origin, default: inWords }: ExplainedSetting): string[] {
  const text = value === null ? '' : typeof value === 'string' ? quoteWord(value) : `(${quoteWords(value)})`
  return [`# ${name}=${text}`, value === null ? `${origin}: ${inWords}` : origin]
}
