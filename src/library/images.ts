// The images of distributions, as a program sees them.
import type { ListedImage, PrunedImages, RemovedImage } from '../vm/drive/images.js'
import type { PulledImage } from './calls/host.js'
import type { CallOptions, ProgressOptions } from './options.js'
import { alongOf, type Source } from './vmhandle.js'

/**
 * The images that first drives are made from.
 *
 * @example
 * {@includeCode ../../examples/images.mjs}
 */
export interface Images {
  /** Every image by its name, and what is here of it and in pools, as `nbsvm images --json`. */
  list(options?: CallOptions): Promise<ListedImage[]>
  /**
   * Fetches an image, or looks whether its vendor has a newer one: `debian`, `URL#sha256:HEX`, a path. Rejects with code
   * IMAGE_MISMATCH where what came is not what it must be; nothing of it is kept then.
   */
  pull(name: string, options?: ProgressOptions): Promise<PulledImage>
  /** Removes what is here of an image; rejects with code IMAGE_IN_USE where a VM was made from it. */
  rm(name: string, options?: CallOptions): Promise<RemovedImage[]>
  /** Removes all that no VM was made from, what broke off while it was made, and what pools have that no drive stands on. */
  prune(options?: CallOptions): Promise<PrunedImages>
}

export function imagesOf(source: Source): Images {
  const { link } = source
  return {
    list: (options) => link.call('host.images', alongOf(source, options)),
    pull: (name, options) => link.call('host.pull', alongOf(source, options), name),
    rm: (name, options) => link.call('host.removeImage', alongOf(source, options), name),
    prune: (options) => link.call('host.pruneImages', alongOf(source, options)),
  }
}
