// Backups of a VM in a folder.
import { Failure } from '../../core/errors.js'
import { backupVm } from '../../vm/backup/backup.js'
import { bootTest } from '../../vm/backup/bootcheck.js'
import { changedBytesOf } from '../../vm/backup/manifest.js'
import { pruneBackups, removeBackup } from '../../vm/backup/prune.js'
import { restoreVm } from '../../vm/backup/restore.js'
import { listBackups, type ListedBackup } from '../../vm/backup/verify.js'
import type { Call } from './call.js'
import { callerOf, opened, outsideOf } from './opened.js'

/** A backup that was made. */
export interface BackedUp {
  /** By which it is restored: when its drives held that, as `20261128T120000Z`. */
  readonly name: string
  /** Its folder. */
  readonly path: string
  /** What had changed since the backup before, in whole blocks. */
  readonly changedBytes: number
  /** What was written for it. */
  readonly writtenBytes: number
  /** How long its drives stood still, or its guest's file systems; null where it was off. */
  readonly stoodStillMs: number | null
  /** How long it took to boot from it; null where that was not asked for. */
  readonly bootMs: number | null
  /** Backups that were removed, as `keep` says. */
  readonly removed: readonly string[]
}

/** A VM that was made from a backup. It is off. */
export interface Restored {
  /** Which backup it was. */
  readonly name: string
  /** Settings that were added to its file, so that it is the machine that it was. */
  readonly added: readonly string[]
}

export interface BackingUp {
  readonly live: boolean
  readonly bootTest: boolean
  readonly keep: number | undefined
}

export interface RestoringFrom {
  readonly from: string | undefined
  readonly when: string | undefined
  readonly trusted: boolean
}

const untold = (): void => {}

export const calls = {
  async backup(call: Call, dir: string, { live, bootTest: boots, keep }: BackingUp): Promise<BackedUp> {
    const vm = await opened(call)
    const going = { ...callerOf(call), outside: outsideOf(call), onProgress: call.told('onProgress') ?? untold }
    const { name, path, manifest, filesStoodMs, switchMs } = await backupVm(vm, dir, { standing: !live }, going)
    const tested = boots ? await bootTest(vm, { dir, when: name }, going) : undefined
    const removed = keep === undefined ? [] : await pruneBackups(dir, vm.id, keep, going)
    return {
      name,
      path,
      changedBytes: changedBytesOf(manifest),
      writtenBytes: manifest.writtenBytes,
      stoodStillMs: filesStoodMs ?? switchMs,
      bootMs: tested?.ms ?? null,
      removed,
    }
  },
  async backups(call: Call, dir: string, verify: boolean): Promise<ListedBackup[]> {
    const { id } = await opened(call, { needs: 'nothing' })
    return listBackups(dir, id, { ...callerOf(call), verify, onProgress: call.told('onProgress') ?? untold })
  },
  async removeBackup(call: Call, dir: string, name: string): Promise<string> {
    const { id } = await opened(call, { needs: 'nothing' })
    return removeBackup(dir, id, name, callerOf(call))
  },
  async restore(call: Call, dir: string, { from, when, trusted }: RestoringFrom): Promise<Restored> {
    const vm = await opened(call, { needs: 'nothing' })
    const going = { ...callerOf(call), outside: outsideOf(call), onProgress: call.told('onProgress') ?? untold }
    const { backup, added } = await restoreVm(
      vm,
      {
        dir,
        from: from ?? vm.id,
        when,
        confirm: ({ name }, reaching) =>
          trusted || reaching.length === 0 ? Promise.resolve() : Promise.reject(reachesOut(name, reaching)),
      },
      going,
    )
    return { name: backup.name, added }
  },
}

function reachesOut(name: string, reaching: readonly string[]): Failure {
  return new Failure(`${name} brings settings that may give its guest something of this machine: ${reaching.join(', ')}`, {
    code: 'NOT_ALLOWED',
    hints: ['if nobody else could write to its folder: trusted'],
  })
}
