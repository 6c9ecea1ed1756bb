// Pressing keys of a VM's keyboard.
import type { Caller } from '../../core/caller.js'
import type { Chord } from '../../qemu/keycode.js'
import { withQmp } from '../../qemu/qmp.js'
import { pause } from '../../sys/clock.js'
import { requireRunning } from '../life/up.js'
import type { Vm } from '../record/vm.js'

const qmpTimeoutMs = 5000

/** So long a key is held, and so long is nothing pressed after it: a guest that is translated, or a BIOS, misses what is faster. */
const holdMs = 30
const restMs = 30

/** Presses keys one after the other, those of a chord together, and resolves when the last was let go. */
export async function pressKeys(vm: Vm, chords: readonly Chord[], { signal }: Caller = {}): Promise<void> {
  requireRunning(vm, 'press keys of')
  await withQmp(vm.drawer.qmp, { timeoutMs: qmpTimeoutMs, signal }, async (qmp) => {
    for (const chord of chords) {
      const keys = chord.map((data) => ({ type: 'qcode' as const, data: data as 'a' }))
      await qmp.execute('send-key', { keys, 'hold-time': holdMs })
      await pause(holdMs + restMs, signal)
    }
  })
}
