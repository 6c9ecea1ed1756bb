import { UsageError } from '../core/errors.js'
import { sendVm } from '../vm/move/send.js'
import { whileDrawn } from './progress.js'
import type { Verb } from './verb.js'

export const send: Verb = {
  help: `Writes the VM to stdout: its record, its settings, and what its drives hold, without what is zero. receive makes it again of that, on
another machine or later. The VM must be off, and stays here as it was: never start both, as they are one and the same to their network
and to whoever knows them. One that runs is refused; move takes it along as it runs.

  nbsvm foo send | ssh box2 nbsvm foo receive && nbsvm foo rm
  nbsvm foo send | zstd >foo.vm.zst`,

  async run({ vm, outBytes, isTerminal, note, progress, signal }) {
    if (isTerminal()) {
      throw new UsageError(`${vm.id} would be written to this terminal, as bytes`, {
        hints: [`to another machine: ${vm.call} send | ssh HOST ${vm.call} receive`, `or into a file: ${vm.call} send >FILE`],
      })
    }
    const write = (bytes: Buffer): Promise<void> => Promise.resolve(outBytes(1, bytes))
    await whileDrawn(progress, (onProgress) => sendVm(vm, { write, onProgress, signal, note }))
    note(`sent ${vm.id}; it is still here as well: never start both`)
  },
}
