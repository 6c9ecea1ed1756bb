// The drives of a VM that is off; nobody starts it meanwhile.
import { messageOf } from '../../core/errors.js'
import type { Drive } from '../../model/drive.js'
import { removeBitmaps } from '../../store/common/dirtybitmaps.js'
import type { Store } from '../../store/store.js'
import { isSaved } from '../record/asleep.js'
import type { Vm } from '../record/vm.js'
import { superfluous, type Bitmap } from './bitmaps.js'
import { addBitmap, bitmapsOf, keepsBitmaps } from './filebitmaps.js'
import type { Taking } from './live.js'
import { whileServed, type Readable } from './served.js'
import { whyUnknown, type Before, type Moment } from './source.js'

interface Found {
  readonly drive: Drive
  readonly bitmaps: readonly Bitmap[]
  readonly why: string | undefined
}

/** Gives `work` the drives. The VM's lock is held. */
export async function withOffMoment<T>(vm: Vm, store: Store, taking: Taking, work: (moment: Moment) => Promise<T>): Promise<T> {
  const { before, bitmap, folderId, atMs, note } = taking
  const drives: Found[] = []
  for (const drive of await store.drives(vm.id)) {
    const bitmaps = await bitmapsOf(drive.image)
    drives.push({ drive, bitmaps, why: whyUnnoted(drive, bitmaps, before) })
  }
  // The file of one that sleeps stays as it is: its guest counts on it.
  const mayWrite = !isSaved(vm)
  const noting = mayWrite ? drives.filter(({ drive }) => keepsBitmaps(drive.image)) : []
  let isDone = false
  try {
    // Before the backup counts: a bitmap that begins later would miss nothing now, but a kill between would leave none.
    for (const { drive } of noting) await addBitmap(drive.image, bitmap)
    const readable: Readable[] = []
    for (const { drive, why } of drives) {
      const { virtualBytes: sizeBytes } = await store.size(drive)
      readable.push({ drive, from: drive, sizeBytes, why, bitmap: why === undefined ? before?.bitmap : undefined })
    }
    const result = await whileServed(vm.drawer.folder, readable, taking.signal, (sources) => work({ atMs, sources }))
    isDone = true
    return result
  } finally {
    for (const { drive, bitmaps } of noting) {
      const kept = isDone ? bitmap : before?.bitmap
      const names = superfluous([...bitmaps, { name: bitmap, isRight: true }], folderId, kept)
      await removeBitmaps(drive.image.path, names).catch((error: unknown) => note(messageOf(error)))
    }
  }
}

function whyUnnoted(drive: Drive, bitmaps: Found['bitmaps'], before: Before | undefined): string | undefined {
  if (before !== undefined && !keepsBitmaps(drive.image)) return 'a drive of this kind notes nothing'
  return whyUnknown(drive, bitmaps, before)
}
