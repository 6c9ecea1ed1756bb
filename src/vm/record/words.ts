// What a VM is called on a line of nbsvm.
import type { Vm } from './vm.js'

/** The words before what is asked of an nbsvm about a VM. */
export function wordsOf({ name, class: vmClass }: Pick<Vm, 'name' | 'class'>): string[] {
  return vmClass === undefined ? [name] : [name, `class=${vmClass}`]
}
