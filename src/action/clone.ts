import { copy } from './copy.js'
import type { Verb } from './verb.js'

export const clone: Verb = {
  help: `Makes the VM's next drive as a full copy of a source: gold, snapshot_lv or source, as for snapshot. Empty parts are skipped, and
where the file system can share blocks (reflinks) it takes no time. Ctrl-C ends it and leaves nothing.

  nbsvm foo gold=debian clone
  nbsvm foo source=/dev/sdb clone
  nbsvm foo bs=10M source=/dev/sdb clone          with dd, as the script did; ddargs adds to its arguments`,

  run: (context) => copy(context, 'clone'),
}
