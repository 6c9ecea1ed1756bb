import { run } from '../../sys/process.js'
import { elevated } from '../../sys/sudo.js'
import type { Store } from '../store.js'
import { lvmStore } from './store.js'

/** The store of a volume group on this machine: as root all of it, as a user through sudo what changes. */
export function openLvm(options: { vg: string; pool?: string | undefined; snapshotSizeBytes?: number | undefined }): Store {
  return lvmStore({
    ...options,
    run,
    asRoot: elevated(run, `the volumes of ${options.vg} belong to root`),
    probe: async (path, trust) => (await import('../dir/probe.js')).probe(path, trust),
  })
}
