import { createFilter } from '../console/filter.js'
import { consoleLog } from '../vm/life/log.js'
import { isAdopted } from '../vm/record/added.js'
import type { Verb } from './verb.js'

export const log: Verb = {
  help: `Prints what came out of the VM's serial port since power-on, watched or not: at most the last log_size (4M) of it. It is kept
after the VM is gone, until the next start.`,

  async run({ vm, outRaw, isTerminal, note }) {
    if (isAdopted(vm.drawer)) note(`nobody writes down what ${vm.id} says: its QEMU was started by hand`)
    const text = consoleLog(vm).trimEnd()
    outRaw(isTerminal() ? createFilter().push(Buffer.from(text)).toString('utf8') : text)
  },
}
