// VMs that are there for one purpose, and gone after it.
import type { ProgressOptions } from './options.js'
import type { VmSettings } from './settings.js'
import type { FreshVm, StartOptions, VmHandle } from './vm.js'

/** What a VM for this once is made with. */
export interface FreshOptions extends ProgressOptions, Pick<StartOptions, 'qemuOptions'> {
  /** `fresh-` and some digits where nothing is said. */
  readonly name?: string | undefined
}

/** Makes a drive for it where the settings say of what, and starts it. */
export async function freshVm(vm: VmHandle, settings: VmSettings, options: Omit<FreshOptions, 'name'>): Promise<FreshVm> {
  const { qemuOptions, ...others } = options
  const fresh = throwAway(vm)
  const { signal, note } = others
  const begin = { signal, note, qemuOptions }
  const hasSource = settings.gold !== undefined || settings.source !== undefined || settings.snapshot_lv !== undefined
  try {
    if (settings.image !== undefined) await vm.newimg(others)
    else if (hasSource) await vm.snapshot(others)
    await vm.start(begin)
  } catch (error) {
    // One that is not there any more need not go.
    await fresh.remove().catch(() => {})
    throw error
  }
  return fresh
}

/** A name that no other has: made without a look at a file, for this is the caller's thread. */
export function shortName(what: string): string {
  return `${what}-${crypto.randomUUID().slice(0, 8)}`
}

/** The VM, with an end. */
export function throwAway(vm: VmHandle): FreshVm {
  const remove = async (): Promise<void> => {
    await vm.stop()
    await vm.rm()
  }
  return { ...vm, remove, [Symbol.asyncDispose]: remove }
}
