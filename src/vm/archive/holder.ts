// A QEMU that was started by hand has no part in its VM's lock, for it can only inherit one. So a small process holds the lock
// for as long as that QEMU lives. It needs no clock and no process number for that: it waits for the end of a FIFO that QEMU
// has opened.
import { Failure } from '../../core/errors.js'
import { endHelpers, helperStates, startHelpers } from '../../helper/helpers.js'
import { helperFolder, scriptOf } from '../../helper/command.js'
import type { Helper } from '../../model/helper.js'
import { deadlineIn, pause } from '../../sys/clock.js'
import { close, open, stat } from '../../sys/file.js'
import { writeFifo } from '../../sys/fifo.js'
import { holderName as name } from '../record/added.js'
import type { Drawer } from '../record/drawer.js'

/** Nothing but `go` is written into the first. QEMU opens the second and writes nothing. */
const fifos = { go: 'go.fifo', alive: 'alive.fifo' } as const

const held = `${helperFolder}/held`

/** Without `go` the QEMU is not adopted, because nbsvm has failed or was killed. Whatever ends QEMU ends the second read. */
const script = `: >${held}
read -r word <&3 || exit
exec 3<&-
while read -r word <&4; do :; done
rm -f $0.lock
`

function holder(id: string): Helper {
  return {
    name,
    // The VM's name is for whoever looks at a list of processes.
    command: ['flock', '-n', '-F', 'lock', 'sh', scriptOf(name), id],
    script,
    keepsDescriptors: true,
    reads: [fifos.go, fifos.alive],
    writes: [],
  }
}

const startTimeoutMs = 5000
const lookEveryMs = 2

/** The VM's lock, held by that process until it is let go, or this process ends. */
export interface Holder {
  /** What QEMU is to open for reading and writing: a FIFO. */
  readonly alive: string
  /** From now on it is held until QEMU ends, whatever becomes of this process. */
  readonly go: () => void
  /** Lets go of the lock, and returns when nobody has it any more. */
  readonly abandon: () => Promise<void>
}

/** Has the lock of a VM held. Throws a Failure where somebody has it. */
export async function startHolder({ id, drawer }: { readonly id: string; readonly drawer: Drawer }): Promise<Holder> {
  const { folder } = drawer
  await endHelpers(folder)
  const helpers = await startHelpers(folder, [holder(id)])
  const ends: number[] = []
  const letGo = (): void => ends.splice(0).forEach(close)
  const abandon = async (): Promise<void> => {
    letGo()
    await endHelpers(folder)
  }
  try {
    for (const fifo of [fifos.go, fifos.alive]) ends.push(open(`${folder}/${fifo}`, 'write'))
    await helpers.follow()
    for (const deadline = deadlineIn(startTimeoutMs); stat(`${folder}/${held}`) === undefined; await pause(lookEveryMs)) {
      if (helperStates(folder).some(({ alive }) => alive) && !deadline.isOver) continue
      throw new Failure(`somebody has the lock of ${id}`, { code: 'BUSY', hints: [`see who: fuser -v ${drawer.lock}`] })
    }
  } catch (error) {
    await abandon()
    throw error
  } finally {
    helpers.abandon()
  }
  const go = (): void => {
    if (ends[0] !== undefined) writeFifo(ends[0], 'go\n')
    letGo()
  }
  return { alive: `${folder}/${fifos.alive}`, go, abandon }
}
