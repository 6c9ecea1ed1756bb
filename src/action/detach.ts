import { detachFrom } from '../vm/reach/attach.js'
import type { Verb } from './verb.js'

export const detach: Verb = {
  help: `Takes away what attach has added: by its name as status shows it, by the number of an own drive, or by the file. Unmount it in the
guest before: a disk goes at once, with what was not written yet. What the VM was started with stays until it ends.

  nbsvm foo detach hot0
  nbsvm foo detach 1`,

  async run({ vm, words: [what = ''], note, signal }) {
    const { name, kind, what: file } = await detachFrom(vm, what, { signal })
    note(`${kind} ${name} is gone: ${file}`)
  },
}
