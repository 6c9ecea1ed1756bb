import { parseDestination } from '../core/target.js'
import { disableVm, isEnabled, unitHost } from '../service/enable.js'
import { usualDowntimeMs, type Moved } from '../vm/move/going.js'
import { moveVm, settle } from '../vm/move/move.js'
import { stoodStill, whileDrawn } from './progress.js'
import type { Context, Verb } from './verb.js'

export const move: Verb = {
  help: `Moves the VM to another machine, which needs nothing but nbsvm and a way in by ssh. One that runs goes on there, with its drives;
its guest stands still for a moment. Its record goes along (UUID, MAC addresses, keys, UEFI variables, TPM), and so does the settings file
that you wrote for it. What its settings say of this host (store, bridge, run_as) is what they say there.
With drives that both machines share (store=rbd) only RAM is sent. Where the other had its record already, off, as in a cluster, this machine
keeps one too.

  nbsvm web move box2
  nbsvm web move root@box2:web-old          under another name
  nbsvm box1:web move box2                  from box1, which must reach box2 by ssh
  nbsvm web move --settle                   finish or undo a move that was cut off
  nbsvm web move --keep                     undo it without asking box2, which is gone for good

For a VM to go as it runs, write movable=yes into its settings before it starts: it gets a processor that other machines have too.
Nothing listens on the network: QEMU speaks with QEMU through sockets that ssh leads there. --downtime=MS is how long the guest may stand
still (${usualDowntimeMs}); QEMU waits for a moment when that is enough. Ctrl-C leaves all as it was. Its connections go on where it is on a
bridge that both machines have; on the user network they end.

Exit status: 0 it is there (also where it was there already), 1 it stays here as it was, 4 nobody knows: the connection broke just as it was
given away, and it runs on neither machine until --settle, or move again, can ask the other.`,

  async run(context) {
    const { vm, words, flags, note, progress, signal, outside } = context
    const leaving = { note, signal, beforeRemoval: () => disable(context) }
    if (flags['settle'] === true || flags['keep'] === true) {
      const settled = await settle(vm, leaving, { keep: flags['keep'] === true })
      if (settled === undefined) note(`${vm.id}: no move was cut off`)
      else note(settledWords(vm.id, settled))
      return
    }
    const { host, name } = parseDestination(words[0] ?? '')
    const downtimeMs = Number(flags['downtime'] ?? usualDowntimeMs)
    const { result, stoodStillMs } = await whileDrawn(progress, (onProgress) =>
      moveVm(vm, { host, name, downtimeMs }, { ...leaving, outside, onProgress }),
    )
    note(result === 'was there' ? `${vm.id} is on ${host} already` : `moved ${vm.id} to ${host}${stoodStill(stoodStillMs)}`)
  },
}

function settledWords(id: string, { result, host }: Moved): string {
  if (result === 'undone') return `${id} did not come whole from ${host}: what had come is removed`
  return result === 'moved' ? `${id} is on ${host}` : `${id} stays here`
}

/** It shall not be started here when this machine starts. */
async function disable({ vm, outside, note }: Context): Promise<void> {
  const host = unitHost(outside)
  if (!isEnabled(vm, host)) return
  await disableVm(vm, host)
  note(`${vm.id} was started with this machine; for the same there: enable`)
}
