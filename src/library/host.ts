// A machine with its VMs, as a program sees it: where everything begins.
import { chooseClass } from '../config/class.js'
import type { Finding } from '../host/check/finding.js'
import { environment as ownEnvironment, type Environment } from '../sys/environment.js'
import type { Listed } from '../vm/list/list.js'
import { freshVm, shortName, type FreshOptions } from './fresh.js'
import { imagesOf, type Images } from './images.js'
import { threadLink } from './link.js'
import type { CallOptions } from './options.js'
import type { VmSettings } from './settings.js'
import { alongOf, vmHandle, type Source } from './vmhandle.js'
import type { FreshVm, VmHandle } from './vm.js'

/** Whose VMs are meant. */
export interface HostOptions {
  /** A folder that holds everything, in place of the user's own: as NBSVM_HOME does. */
  readonly home?: string | undefined
  /** The variables that count, in place of those of this process: settings, PATH, HOME. */
  readonly environment?: Environment | undefined
  /** Takes what is worth knowing although nothing failed; without it nobody is told. */
  readonly note?: ((text: string) => void) | undefined
}

/** What `watch` takes. */
export interface WatchOptions extends CallOptions {
  /** How often it looks, in milliseconds (1000). */
  readonly everyMs?: number | undefined
}

/**
 * A machine with its VMs.
 *
 * @example
 * {@includeCode ../../examples/list.mjs}
 */
export interface Host {
  /** A VM by its name, whether it is there or not, with settings in place. Throws a UsageError for a name or a setting that cannot be. */
  vm(name: string, settings?: VmSettings): VmHandle
  /**
   * A VM for this once: made of `image`, of `gold` or `source` as a snapshot, or without a drive, and started. At the end of an
   * `await using` block, or by `remove`, it is ended and removed. Where it does not start, nothing of it stays.
   */
  fresh(settings: VmSettings, options?: FreshOptions): Promise<FreshVm>
  /** Every VM that there is, as `nbsvm ls --json`. */
  list(options?: CallOptions): Promise<Listed[]>
  /** The same each time when it has become another, first at once, until nobody wants more. */
  watch(options?: WatchOptions): AsyncGenerator<Listed[], void>
  /** What this machine has for VMs, and what to do where something is missing, as `nbsvm doctor --json`. */
  doctor(options?: CallOptions): Promise<Finding[]>
  /** The images that drives are made from. */
  readonly images: Images
}

/**
 * This machine, with the VMs of the user that the program runs as. Nothing is opened, and nothing need be closed.
 *
 * @example
 * {@includeCode ../../examples/host.mjs}
 */
export function host({ home, environment, note }: HostOptions = {}): Host {
  const seen = environment ?? ownEnvironment
  const isOwn = environment === undefined && home === undefined
  const link = threadLink(isOwn ? undefined : { ...seen, ...(home === undefined ? {} : { NBSVM_HOME: home }) })
  const vmClass = chooseClass({ commandLine: undefined, environment: seen, program: 'nbsvm' })
  const source: Source = { link, vmClass, note }
  const vm = (name: string, settings: VmSettings = {}): VmHandle => vmHandle(source, name, settings)
  return {
    vm,
    fresh: (settings, { name = shortName('fresh'), ...options } = {}) => freshVm(vm(name, settings), settings, options),
    list: (options) => link.call('host.list', alongOf(source, options)),
    watch: ({ everyMs = 1000, ...options } = {}) => link.stream('watch.list', alongOf(source, options), everyMs),
    doctor: (options) => link.call('host.doctor', alongOf(source, options)),
    images: imagesOf(source),
  }
}
