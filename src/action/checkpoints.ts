import { formatSize } from '../core/size.js'
import { columns } from '../core/table.js'
import { listCheckpoints, removeCheckpoint, type Checkpoint } from '../vm/frozen/checkpoint.js'
import { timeOf } from './time.js'
import type { Verb } from './verb.js'

export const checkpoints: Verb = {
  help: `Lists the VM's checkpoints, the oldest first: when each was taken, whether its guest goes on from there (RAM) or it is off then, and what its
files take on the host, but for what its drives hold.

  nbsvm web checkpoints
  nbsvm web checkpoints --json            an array of objects: name, atMs, hasRam, allocatedBytes, fault
  nbsvm web checkpoints --rm=before       remove one; all others stay as they are`,

  async run({ vm, flags, out, note, signal }) {
    const name = flags['rm']
    if (typeof name === 'string') {
      await removeCheckpoint(vm, name, { signal, note })
      note(`removed the checkpoint ${name} of ${vm.id}`)
      return
    }
    const found = listCheckpoints(vm)
    if (flags['json'] === true) out(JSON.stringify(found, undefined, 2))
    else if (found.length === 0) note(`${vm.id} has no checkpoints; take one: ${vm.call} checkpoint NAME`)
    else out(columns([['NAME', 'TAKEN', 'STATE', 'SIZE'], ...found.map(rowOf)]).join('\n'))
  },
}

function rowOf({ name, atMs, hasRam, allocatedBytes, fault }: Checkpoint): string[] {
  const state = hasRam ? 'RAM' : 'off'
  return [name, atMs === null ? '-' : timeOf(atMs), fault === null ? state : `damaged: ${fault}`, formatSize(allocatedBytes)]
}
