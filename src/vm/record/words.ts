// Lines about a VM, for an nbsvm to run.
import { node, packageFile } from '../../sys/self.js'
import type { Vm } from './vm.js'

/** The words before what is asked of an nbsvm about a VM. */
export function wordsOf({ name, class: vmClass }: Pick<Vm, 'name' | 'class'>): string[] {
  return vmClass === undefined ? [name] : [name, `class=${vmClass}`]
}

/** A line about a VM for this very nbsvm, be it the program or a library of somebody's. */
export function ownLine(vm: Pick<Vm, 'name' | 'class'>, ...words: readonly string[]): string[] {
  return [node.path, packageFile('nbsvm.cjs'), ...wordsOf(vm), ...words]
}
