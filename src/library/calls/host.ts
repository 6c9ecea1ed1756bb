// What is asked of a machine as a whole.
import { fullMessage } from '../../core/errors.js'
import { parseImageRef } from '../../model/imageref.js'
import type { KeptImage } from '../../model/guest.js'
import { examine } from '../../host/doctor.js'
import type { Finding } from '../../host/check/finding.js'
import { findImage } from '../../vm/drive/imagedrive.js'
import { listImages, pruneImages, removeImages, type ListedImage } from '../../vm/drive/images.js'
import { listVms, type Listed } from '../../vm/list/list.js'
import { hasMoves } from '../../vm/record/record.js'
import type { Call } from './call.js'
import { callerOf, outsideOf } from './opened.js'

/** An image that is here. */
export interface PulledImage extends KeptImage {
  /** What it takes on the host. */
  readonly sizeBytes: number
}

/** As `nbsvm ls --json`. */
export async function listAll(call: Call): Promise<Listed[]> {
  const outside = outsideOf(call)
  const tell = call.told('note')
  const onFault = (fault: unknown): void => tell?.(fullMessage(fault))
  if (hasMoves(outside.place)) {
    const { sweepArrivals } = await import('../../vm/move/removal.js')
    await sweepArrivals(outside).catch(onFault)
  }
  return listVms(outside, onFault, { withImages: true })
}

export const calls = {
  list: listAll,
  doctor: async (call: Call): Promise<Finding[]> => examine(outsideOf(call)),
  async images(call: Call): Promise<ListedImage[]> {
    const tell = call.told('note')
    return listImages(outsideOf(call), (fault) => tell?.(fullMessage(fault)))
  },
  async pull(call: Call, name: string): Promise<PulledImage> {
    const caller = { ...callerOf(call), onProgress: call.told('onProgress') }
    const { kept, recorded } = await findImage(outsideOf(call).place, parseImageRef(name), caller, { isFresh: true })
    const { path, format, sizeBytes } = kept
    return { ...recorded, image: { kind: 'file', path, format }, sizeBytes }
  },
  removeImage: (call: Call, name: string) => removeImages(outsideOf(call).place, name),
  pruneImages: (call: Call) => pruneImages(outsideOf(call)),
}
