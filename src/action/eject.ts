import { ejectDisc } from '../vm/reach/disc.js'
import type { Verb } from './verb.js'

export const eject: Verb = {
  help: `Takes the disc out of the running VM's disc drive, which stays, empty: attach FILE.iso puts the next one in. A guest that has the
disc mounted keeps it, unless --force is given. With the next start the disc of the setting cdrom is in again.

  nbsvm foo eject
  nbsvm foo eject --drive=cd1
  nbsvm foo eject attach next.iso`,

  async run({ vm, flags, note, signal }) {
    const drive = typeof flags['drive'] === 'string' ? flags['drive'] : undefined
    const out = await ejectDisc(vm, { drive, force: flags['force'] === true }, { signal })
    note(`${out.drive}: ${out.path} is out`)
  },
}
