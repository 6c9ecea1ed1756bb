import { formatSize } from '../core/size.js'
import { copyFiles } from '../vm/reach/cp.js'
import type { Verb } from './verb.js'

export const cp: Verb = {
  help: `Copies files and folders, with all that is in them, into the guest or out of it; the guest's paths begin with a colon. Into a folder
that is there they go under their own names, else the one gets the name that is given. All words up to "--" are paths.

  nbsvm foo cp ./site :/srv/              /srv/site
  nbsvm foo cp a.conf :/etc/b.conf        under another name
  nbsvm foo cp :/etc/hostname :/etc/fstab .
  nbsvm foo cp :/var/log logs -- stop

It goes by ssh or by the guest agent, which needs no network, whichever is there and sooner done; a shell and tar must be in the guest.
Either way it is root there, where ssh can become that without a password. Modes and times are kept. In the guest the
files belong to who owns the folder that they come into, here to you. Paths that are not absolute begin at root's home there. A link
that is named is followed; of those within a folder, what leads out of it stays behind, and nbsvm says so. What is copied out gets its
place here as soon as all of it has come: a folder that is there takes in what is new, a file is replaced.`,

  async run({ vm, words, note, progress, signal }) {
    const onBytes = (doneBytes: number): void => progress(`${formatSize(doneBytes)} copied`)
    try {
      await copyFiles(vm, words, { note, signal, onBytes })
    } finally {
      progress(undefined)
    }
  },
}
