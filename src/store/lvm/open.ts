import { run } from '../../sys/process.js'
import { elevated } from '../../sys/sudo.js'
import { probe } from '../dir/probe.js'
import type { Store } from '../store.js'
import { lvmStore } from './store.js'

/** The store of a volume group on this machine: as root, or through sudo command by command. */
export function openLvm(options: { vg: string; pool: string | undefined; snapshotSizeBytes: number | undefined }): Store {
  const asRoot = elevated(run, `the volume group ${options.vg} is root's`)
  return lvmStore({ ...options, run, asRoot, describeFile: async (path, trust) => (await probe(path, trust)).image })
}
