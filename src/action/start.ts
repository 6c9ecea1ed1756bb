import { startIfNeeded } from '../vm/life/ifneeded.js'
import { beginVm } from '../vm/frozen/begin.js'
import { seedKind } from '../vm/record/seed.js'
import type { Verb } from './verb.js'

export const start: Verb = {
  help: `Starts the VM with its settings and returns once QEMU answers. If QEMU refuses, its own words are printed and nothing is
left running. Words after start that begin with "-" are QEMU options, up to "--" or the end of the line; a file is looked for in the
folder that you are in.

  nbsvm foo start                        with its settings
  nbsvm foo mem=2048 start               a setting for this once
  nbsvm foo start -cdrom x.iso -- vnc    boot a CD image, then show the screen
  nbsvm foo stop start                   restart

One that save has put to sleep goes on where it was; --fresh boots it instead, as after a power cut.

A VM that runs already is left alone, and start fails; with --if-needed it says so and ends with 0. What would be run: nbsvm foo explain`,

  async run({ vm, words, flags, note, signal }) {
    const start = () => beginVm(vm, words, { note, signal }, { fresh: flags['fresh'] === true })
    const started = flags['if-needed'] === true ? await startIfNeeded(vm, start, signal) : await start()
    if (typeof started === 'number') {
      note(`${vm.id} runs already as pid ${started}`)
      return
    }
    const { pid, plan, wentOn } = started
    if (wentOn) {
      note(`${vm.id} goes on, as pid ${pid}`)
      return
    }
    // Said once for each boot of the host: that is how long the verdict on KVM is kept.
    if (plan.machine.accelerator === 'tcg' && plan.host.isFresh && vm.settings.accel === undefined) {
      note(`KVM is not used, so VMs run slowly: ${plan.host.kvm.why}`)
    }
    note(`started ${vm.id} as pid ${pid}`)
    const { seed, nics } = plan.machine
    // Where a network of the user's own words leads, nobody knows.
    if (seed !== undefined && !('words' in nics)) note(`  reach it: ${vm.call} ssh`)
    const { shares } = plan.machine
    // cloud-init mounts them by itself.
    const byHand = shares.length > 0 && seedKind(vm.settings, plan.record) !== 'nocloud'
    if (byHand) (await import('../guest/mounts.js')).mountHints(shares).forEach(note)
  },
}
