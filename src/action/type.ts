import { parseTyped } from '../console/escapes.js'
import { typeAt } from '../vm/reach/type.js'
import type { Verb } from './verb.js'

export const type: Verb = {
  help: `Types TEXT at the serial port, as fast as a guest can read, and ends when it has read all, at most timeout seconds (60) later. \\n is
Enter, \\t Tab, \\e Escape, \\xHH a byte, \\uHHHH a character, \\\\ a backslash. One at a time: it fails while somebody is attached.

  nbsvm foo type 'root\\n'
  nbsvm foo type '\\x03'                 Ctrl-C
  nbsvm foo type "$(cat script.sh)"`,

  async run({ vm, words, signal }) {
    const [text = ''] = words
    await typeAt(vm, parseTyped(text), { timeoutMs: vm.settings.timeout * 1000 }, { signal })
  },
}
