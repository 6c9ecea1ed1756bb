import { parseTyped } from '../console/escapes.js'
import { keysFor } from '../qemu/keycode.js'
import { pressKeys } from '../vm/reach/key.js'
import { typeAt } from '../vm/reach/type.js'
import type { Verb } from './verb.js'

export const type: Verb = {
  help: `Types TEXT at the serial port, as fast as a guest can read, and ends when it has read all, at most timeout seconds (60) later. \\n is
Enter, \\t Tab, \\e Escape, \\xHH a byte, \\uHHHH a character, \\\\ a backslash. One at a time: it fails while somebody is attached.

With --screen it is typed on the keyboard of the screen that vnc shows, as on a US keyboard (keys by name: key).

  nbsvm foo type 'root\\n'
  nbsvm foo type '\\x03'                 Ctrl-C
  nbsvm foo type "$(cat script.sh)"
  nbsvm foo type --screen 'root\\n'`,

  async run({ vm, words, flags, signal }) {
    const [text = ''] = words
    if (flags['screen'] === true) await pressKeys(vm, keysFor(parseTyped(text).toString()), { signal })
    else await typeAt(vm, parseTyped(text), { timeoutMs: vm.settings.timeout * 1000 }, { signal })
  },
}
