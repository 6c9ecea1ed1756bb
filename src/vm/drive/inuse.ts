// Who has a VM's drives open, when QEMU says that somebody has.
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'

/**
 * `drive nbsvm-foo-0 is in use by pid 4711 (qemu-system-x86)`, for each drive that a process has open. Empty when nobody is
 * seen, which proves nothing: other users' processes stay hidden.
 */
export async function drivesInUse(vm: Vm): Promise<string[]> {
  const store = await storeOf(vm)
  const drives = await store.drives(vm.id)
  const users = await Promise.all(
    drives.map(async (drive) => (await store.users(drive)).map((user) => `drive ${drive.name} is ${user}`)),
  )
  return users.flat()
}
