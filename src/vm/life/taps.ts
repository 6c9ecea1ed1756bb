// The taps of a VM: made under its lock before QEMU starts, removed by whoever next sees that the VM is gone.
import { makeTaps, refuseTaken, removeTaps, tapName, type Tap } from '../../net/tap.js'
import type { Machine } from '../../model/machine.js'
import { environment } from '../../sys/environment.js'
import { readText, remove, stat, writeWhole } from '../../sys/file.js'
import { run, type Run } from '../../sys/process.js'
import { elevated } from '../../sys/sudo.js'
import type { Drawer } from '../record/drawer.js'

/** The name of a VM's tap; each NBSVM_HOME has taps of its own. */
export function tapOf(id: string, index: number): string {
  return tapName(id, index, environment['NBSVM_HOME'] ?? '')
}

/** The taps that a machine needs, each for the user that QEMU runs as. */
export function tapsOf({ nics }: Pick<Machine, 'nics'>, uid: number): Tap[] {
  if ('words' in nics) return []
  return nics.flatMap(({ backend }) => {
    if (backend.kind !== 'tap') return []
    return [{ name: backend.ifname, bridge: backend.bridge, mtu: backend.mtu, uid }]
  })
}

const why = 'a tap is a network device of the host'

/** Makes a machine's taps. They are written down first, so that whatever happens they are removed; not so what is another's. */
export async function makeTapsOf(drawer: Drawer, taps: readonly Tap[]): Promise<void> {
  if (taps.length === 0) return
  refuseTaken(taps)
  writeWhole(drawer.taps, taps.map(({ name }) => `${name}\n`).join(''))
  await makeTaps(taps, elevated(run, why))
}

/** Removes what is left of the taps of a VM that does not run. The caller has seen that it does not. */
export async function sweepTaps(drawer: Drawer): Promise<void> {
  await sweep(drawer, () => elevated(run, why))
}

/** The same for who only looks: sudo is asked no question, and what it refuses is left to the next who acts. */
export async function sweepTapsQuietly(drawer: Drawer): Promise<void> {
  await sweep(drawer, () => elevated(run, why, { terminal: false })).catch(() => {})
}

async function sweep(drawer: Drawer, asRoot: () => Run): Promise<void> {
  if (stat(drawer.taps) === undefined) return
  // Root reads what QEMU's user may have written: nothing but a tap is ever removed.
  const names = (readText(drawer.taps) ?? '').split('\n').filter((name) => /^tap\d*-/.test(name))
  await removeTaps(names, asRoot())
  remove(drawer.taps)
}
