// Who has a VM's drives open, when QEMU says that somebody has.
import type { Drive } from '../../model/drive.js'
import { stat } from '../../sys/file.js'
import { openers } from '../../sys/process.js'
import { storeOf } from '../record/stores.js'
import type { Vm } from '../record/vm.js'

/**
 * `drive nbsvm-foo-0 is in use by pid 4711 (qemu-system-x86)`, for each drive that a process has open. Empty when nobody is
 * seen, which proves nothing: other users' processes stay hidden.
 */
export async function drivesInUse(vm: Vm): Promise<string[]> {
  const store = await storeOf(vm)
  return (await store.drives(vm.id)).flatMap(usersOf)
}

function usersOf({ name, image }: Drive): string[] {
  const file = stat(image.path)
  const users = file === undefined ? [] : openers(file)
  return users.map((user) => `drive ${name} is in use by pid ${user.pid} (${user.name})`)
}
