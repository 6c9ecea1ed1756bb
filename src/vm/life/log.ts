import { readLog } from '../../console/log.js'
import { createVtReader } from '../../console/vt.js'
import { createVtLines } from '../../console/vtlines.js'
import { olderOf } from '../../qemu/keeper.js'
import type { Vm } from '../record/vm.js'

/** What the guest has said on its serial port since power-on, its last `maxBytes` at most. */
export function consoleLog({ drawer, settings }: Vm, maxBytes = settings.log_size): string {
  return readLog({ file: drawer.consoleLog, older: olderOf(drawer.consoleLog) }, maxBytes)
}

/** The same as plain text, as one reads it: without control sequences, with what was written over as it is in the end. */
export function consoleText(vm: Vm, maxBytes?: number): string {
  const lines = createVtLines()
  createVtReader(lines).push(Buffer.from(consoleLog(vm, maxBytes)))
  return [...lines.take(), ...(lines.rest() === undefined ? [] : [lines.rest()])].join('\n')
}
