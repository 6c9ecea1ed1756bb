import { copy } from './copy.js'
import type { Verb } from './verb.js'

export const snapshot: Verb = {
  help: `Makes the VM's next drive as an instant copy-on-write copy of a source: gold (a VM or a drive, default "gold"), or snapshot_lv
(a name in the store), or source (the absolute path of an image file or block device). Both are independent afterwards: either can
be written, started or removed. The source may be running: the copy is then as if its power had been cut at that moment.

  nbsvm web1 gold=debian snapshot start
  nbsvm web1 gold=debian-1 snapshot               drive 1 of debian
  nbsvm web1 source=/images/debian.qcow2 snapshot

A file from outside the store is taken into it first where the file system cannot share blocks (no reflinks): once, not each time.`,

  run: (context) => copy(context, 'snapshot'),
}
