import { parseKeys } from '../qemu/keycode.js'
import { pressKeys } from '../vm/reach/key.js'
import type { Verb } from './verb.js'

export const key: Verb = {
  help: `Presses keys of the VM's keyboard, one word after the other; those of one word, joined by -, together. They are what stands on a US
keyboard, whatever layout the guest has: a, A, 5, ret (enter), esc, tab, spc, backspace, delete, up, down, left, right, home, end,
pgup, pgdn, f1 to f12, shift, ctrl, alt, altgr, win, menu, print, kp_0 to kp_9. -- ends them where more actions follow. A text is
typed there by type --screen.

  nbsvm foo key ctrl-alt-f2
  nbsvm foo key down down ret -- screenshot foo.png`,

  async run({ vm, words, signal }) {
    await pressKeys(vm, words.map(parseKeys), { signal })
  },
}
