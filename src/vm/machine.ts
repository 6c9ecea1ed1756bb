// From settings to the machine that QEMU is asked for.
import type { Drive } from '../core/drive.js'
import { hostFacts, type HostFacts } from '../qemu/host.js'
import type { Machine, Words } from '../qemu/machine.js'
import { planNics } from '../net/plan.js'
import { macOf, uuidOf } from './identity.js'
import { storeOf } from './stores.js'
import type { Vm } from './vm.js'

/** A machine and what it was made from. */
export interface Plan {
  readonly machine: Machine
  readonly host: HostFacts
}

/** Works out the machine that `start` would start now: nothing is made or changed. `options` are those behind `start`. */
export async function planMachine(vm: Vm, options: Words): Promise<Plan> {
  const { settings } = vm
  const host = await hostFacts({ program: settings.qemu, cacheFile: vm.place.hostCache })
  const drives = settings.drives === undefined ? await drivesOf(vm) : { words: settings.drives }
  const accelerator = settings.accel ?? (host.kvm.works ? 'kvm' : 'tcg')
  const machine: Machine = {
    id: vm.id,
    program: host.path,
    type: settings.machine ?? host.machine,
    accelerator,
    cpu: settings.cpu ?? (accelerator === 'kvm' ? 'host' : 'max'),
    cpus: settings.smp,
    memBytes: settings.mem,
    ram: settings.ram,
    uuid: uuidOf(vm.id),
    drives,
    driveInterface: settings.drive_if,
    nics: settings.network === undefined ? planNics(settings, (index) => macOf(vm.id, index)) : { words: settings.network },
    ...(settings.display === undefined ? {} : { display: settings.display }),
    ...(settings.usb === undefined ? {} : { usb: settings.usb }),
    args: [...(settings.args ?? []), ...options],
  }
  return { machine, host }
}

async function drivesOf(vm: Vm): Promise<Drive[]> {
  const store = await storeOf(vm)
  return store.drives(vm.id)
}
