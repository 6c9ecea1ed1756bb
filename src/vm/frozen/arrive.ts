// A VM whose own guest goes on, from where it was saved or from a checkpoint: with the settings, the drives and the disk that it had.
import type { Arriving } from '../life/helped.js'
import type { Plan } from '../life/plan.js'
import type { FrozenLive } from '../record/frozen.js'
import type { Vm } from '../record/vm.js'
import { keptSeed } from './beside.js'
import { asItWas } from './seen.js'
import { arrivingFrom, type Wake } from './wake.js'

/** `without` is what to type to boot it without its RAM. */
export function arriveAsItWas(vm: Vm, wake: Wake, without: string): { readonly vm: Vm; readonly arriving: Arriving } {
  const was = asItWas(vm, wake.live, without)
  const arriving = arrivingFrom(was, wake)
  return {
    vm: was,
    arriving: { ...arriving, seed: keptSeed(wake.folder), shape: (plan) => arriving.shape(withItsDrives(plan, wake.live)) },
  }
}

/** Drives that were made since then are for its next boot. */
function withItsDrives(plan: Plan, { machine }: FrozenLive): Plan {
  const { drives } = plan.machine
  if ('words' in drives || 'words' in machine.drives) return plan
  const had = new Set(machine.drives.map(({ number }) => number))
  return { ...plan, machine: { ...plan.machine, drives: drives.filter(({ number }) => had.has(number)) } }
}
