import { readLog } from '../../console/log.js'
import { olderOf } from '../../qemu/keeper.js'
import type { Vm } from '../record/vm.js'

/** What the guest has said on its serial port since power-on, its last `maxBytes` at most. */
export function consoleLog({ drawer, settings }: Vm, maxBytes = settings.log_size): string {
  return readLog({ file: drawer.consoleLog, older: olderOf(drawer.consoleLog) }, maxBytes)
}
