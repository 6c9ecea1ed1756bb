// A VM as a stream of bytes, for whatever takes them to another machine.
import { Failure } from '../../core/errors.js'
import type { Caller } from '../../core/caller.js'
import type { OnProgress } from '../../store/store.js'
import { hostName } from '../../sys/environment.js'
import { randomHex } from '../../sys/stamp.js'
import { whileStopped } from '../drive/drives.js'
import { isUp } from '../life/up.js'
import { refuseKept } from '../record/asleep.js'
import { ensureRecord, refuseMoving } from '../record/record.js'
import type { Vm } from '../record/vm.js'
import { sendDrives } from './drivedata.js'
import { packParcel, parcelLine } from './parcel.js'

export interface SendCaller extends Caller {
  readonly write: (bytes: Buffer) => Promise<void>
  readonly onProgress: OnProgress
}

/** Writes a VM that is off, all of it, and keeps it from being started meanwhile. It stays here as it is. */
export async function sendVm(vm: Vm, { write, onProgress, signal }: SendCaller): Promise<void> {
  const { id, call, drawer } = vm
  if (isUp(vm))
    throw new Failure(`cannot send ${id}: it runs, and what is in its RAM does not go through a pipe`, {
      code: 'VM_RUNNING',
      hints: [`move it as it runs: ${call} move HOST`, `or end it first: ${call} shutdown`],
    })
  refuseKept(vm, `send ${id}`)
  await whileStopped(vm, `send ${id}`, async (store) => {
    await refuseMoving(vm, 'send')
    const record = await ensureRecord(vm)
    const drives = await store.drives(id)
    const packing = { kind: 'copy', token: randomHex(8), from: hostName(), record, live: undefined } as const
    await write(Buffer.from(parcelLine(await packParcel(vm, store, drives, packing))))
    await sendDrives(store.isShared ? [] : drives, { folder: drawer.folder, write, onProgress, signal })
  })
}
