// What is written down at each start: the machine that QEMU is, so that a copy of its guest can go on in another QEMU.
import type { Folded } from '../../config/fold.js'
import { Failure } from '../../core/errors.js'
import type { Machine } from '../../model/machine.js'
import { readText } from '../../sys/file.js'
import type { Vm } from '../record/vm.js'

export interface StartedMachine {
  readonly machine: Machine
  /** Each setting as it was written, or its default. */
  readonly texts: Folded['texts']
}

export function describeStarted({ folded }: Pick<Vm, 'folded'>, machine: Machine): string {
  return JSON.stringify({ machine, texts: folded.texts } satisfies StartedMachine)
}

/** Of a VM that runs. Throws a Failure where an nbsvm started it that wrote nothing down. */
export function readStarted({ id, call, drawer }: Pick<Vm, 'id' | 'call' | 'drawer'>): StartedMachine {
  const text = readText(drawer.machine)
  if (text !== undefined) return JSON.parse(text) as StartedMachine
  throw new Failure(`${id} was started by an earlier nbsvm, which wrote down too little of it`, {
    hints: [`start it again: ${call} shutdown start`],
  })
}
