import { Failure, fullMessage } from '../core/errors.js'
import { columns } from '../core/table.js'
import { printable } from '../core/text.js'
import { pause } from '../sys/clock.js'
import { listVms, type Listed } from '../vm/list/list.js'
import type { Outside } from '../host/place.js'
import type { Command } from './verb.js'

const refreshMs = 1000

export const ls: Command = {
  help: `Lists every VM that has a record, a drawer or a drive: its state, the pid of its QEMU, its drives. nbsvm alone does the same.

  nbsvm ls --json     an array of objects: id, class, name, state, pid, drives, fault
  nbsvm ls --watch    drawn again every second, until Ctrl-C`,

  async run({ flags, note, out, outRaw, signal, isTerminal, outside }) {
    if (flags['watch'] === undefined) {
      out(await listing(outside, flags['json'] === true, note))
      return
    }
    while (!signal.aborted) {
      const text = await listing(outside, flags['json'] === true, () => {})
      if (isTerminal()) outRaw(`${wipe}${printable(text)}`)
      else out(text)
      // Ctrl-C is how it ends.
      await pause(refreshMs, signal).catch(() => {})
    }
  },
}

/** Cursor home, then erase from there to the end: no flicker. */
const wipe = '\u001B[H\u001B[J'

async function listing(outside: Outside, asJson: boolean, note: (text: string) => void): Promise<string> {
  const vms = await listVms(outside, (fault) => noteFault(fault, note))
  for (const { id, fault } of vms) if (fault !== null && !asJson) note(`${id}: ${fault}`)
  return asJson ? JSON.stringify(vms, undefined, 2) : table(vms)
}

/** What may hide a VM is told beside the list. */
function noteFault(fault: unknown, note: (text: string) => void): void {
  note(`nbsvm: ${fullMessage(fault)}`)
  if (fault instanceof Failure) for (const hint of fault.hints) note(`  ${hint}`)
}

function table(vms: readonly Listed[]): string {
  if (vms.length === 0) return 'no VMs yet; make one: nbsvm NAME newimg start console'
  const rows = vms.map(({ id, state, pid, drives }) => [id, state, String(pid ?? '-'), drives.join(' ') || '-'])
  return columns([['VM', 'STATE', 'PID', 'DRIVES'], ...rows]).join('\n')
}
