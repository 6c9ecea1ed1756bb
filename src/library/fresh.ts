// VMs that are there for one purpose, and gone after it.
import type { ProgressOptions } from './options.js'
import type { VmSettings } from './settings.js'
import type { StartOptions, VmHandle } from './vm.js'

/** What a VM for this once is made with. */
export interface FreshOptions extends ProgressOptions, Pick<StartOptions, 'qemuOptions'> {
  /** `fresh-` and some digits where nothing is said. */
  readonly name?: string | undefined
}

/**
 * A VM that is ended and removed at the end of an `await using` block.
 *
 * @example
 * {@includeCode ../../examples/fresh.ts}
 */
export interface FreshVm extends VmHandle, AsyncDisposable {
  /** Ends it and removes it. */
  remove(): Promise<void>
}

/** Makes a drive for it where the settings say of what, and starts it. */
export async function freshVm(vm: VmHandle, settings: VmSettings, options: Omit<FreshOptions, 'name'>): Promise<FreshVm> {
  const { qemuOptions, ...others } = options
  const remove = async (): Promise<void> => {
    await vm.stop()
    await vm.rm()
  }
  const { signal, note } = others
  const begin = { signal, note, qemuOptions }
  const hasSource = settings.gold !== undefined || settings.source !== undefined || settings.snapshot_lv !== undefined
  try {
    if (settings.image !== undefined) await vm.newimg(others)
    else if (hasSource) await vm.snapshot(others)
    await vm.start(begin)
  } catch (error) {
    // One that is not there any more need not go.
    await remove().catch(() => {})
    throw error
  }
  return { ...vm, remove, [Symbol.asyncDispose]: remove }
}
