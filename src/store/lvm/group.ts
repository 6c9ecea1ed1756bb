import type { Run } from '../../sys/process.js'
import { runOrFail } from '../../sys/process.js'

/** The volume group that a store is in, and how its commands are run. */
export interface Group {
  readonly vg: string
  /** Thin pool that new volumes are made in; undefined for classic volumes. */
  readonly pool: string | undefined
  /** Room of a classic snapshot; undefined for as much as its origin has. */
  readonly snapshotSizeBytes: number | undefined
  readonly run: Run
  /** Runs as root what needs it: every lvm command, and what reads or writes a volume. */
  readonly asRoot: Run
  /** Whether nbsvm itself is root. */
  readonly isRoot: boolean
  /** Names this process: `processMark`. */
  readonly mark: string
  /** Eight letters and digits, new each time. */
  readonly unique: () => string
}

/** Runs one lvm command as root. Throws a Failure with lvm's own words. Returns what it wrote to stdout. */
export function lvm(group: Group, doing: string, command: readonly string[]): Promise<string> {
  return runOrFail(doing, command, { run: group.asRoot })
}

/** Runs one lvm command as root, of which it does not matter whether it works. Says whether it did. */
export async function tryLvm(group: Group, command: readonly string[]): Promise<boolean> {
  const { status } = await group.asRoot(command)
  return status === 0
}
