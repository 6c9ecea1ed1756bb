/**
 * nbsvm as a library: what its command line does, for programs. It knows the VMs of this machine; those of others (`box2:foo`) are for
 * the program, or for this library run there: `move` alone takes the name of another machine.
 *
 * @packageDocumentation
 */
export { Failure, UsageError, type FailureOptions } from './core/errors.js'
export { failureCodes, type FailureCode } from './core/codes.js'
export { host, type Host, type HostOptions, type WatchOptions } from './library/host.js'
export { AbortError, type CallOptions, type ProgressOptions } from './library/options.js'
export type { VmSettings } from './library/settings.js'
export type * from './library/vm.js'
export type { ExecJob, ExecOptions, ExecPiece, ExecResult } from './library/exec.js'
export type { FreshOptions } from './library/fresh.js'
export type { Images } from './library/images.js'
export type * from './library/results.js'
