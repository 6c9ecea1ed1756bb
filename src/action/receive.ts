import { UsageError } from '../core/errors.js'
import { inputBytes } from '../sys/input.js'
import { isTerminal, writeBytes } from '../sys/output.js'
import { receiveVm } from '../vm/move/receive.js'
import { settleArrival } from '../vm/move/settle.js'
import type { Verb } from './verb.js'

export const receive: Verb = {
  help: `Makes a VM of what send wrote, read from stdin, under the name that you give. Its drives come into the store that its settings here
say. A VM of that name must not be there, but for this very VM with drives that both machines share (store=rbd): its record is replaced then,
so that either machine can start it. Where what comes is cut, or does not fit, nothing of it stays.

  nbsvm foo send | ssh box2 nbsvm foo receive
  zstd -d <foo.vm.zst | nbsvm foo receive

move runs it on the other machine, and asks with --settle=TOKEN what became of a move that was cut off.`,

  async run({ vm, flags, out, note, signal, outside }) {
    const token = flags['settle']
    if (typeof token === 'string') {
      out(JSON.stringify({ here: await settleArrival(vm, token, { signal }) }))
      return
    }
    if (isTerminal(0)) {
      throw new UsageError('receive reads what send wrote from stdin', {
        hints: [`nbsvm ${vm.id} send | ssh HOST ${vm.call} receive`],
      })
    }
    const { id, from, added } = await receiveVm(vm, { input: inputBytes(), answer: answerLine, note, signal, outside })
    note(`received ${id} from ${from}`)
    if (added.length > 0) note(`added to its settings, so that it stays the machine that it is: ${added.join(' ')}`)
  },
}

/** Where nobody reads any more, what has come is undone all the same. */
function answerLine(line: object): void {
  try {
    writeBytes(1, Buffer.from(`${JSON.stringify(line)}\n`))
  } catch {
    // As said.
  }
}
