import type { MachineRecord } from './shape.js'
import type { Vm } from './vm.js'

/** How much memory a VM gets: what is set; where nothing is, the default, or what the system in its image needs. */
export function memBytesOf({ settings, folded }: Pick<Vm, 'settings' | 'folded'>, record: MachineRecord | undefined): number {
  const isSet = folded.origins.mem.kind !== 'default'
  return isSet ? settings.mem : Math.max(settings.mem, record?.image?.traits.minMemBytes ?? 0)
}
