import { formatSize } from '../core/size.js'
import { columns } from '../core/table.js'
import { parseImageRef } from '../model/imageref.js'
import { findImage } from '../vm/drive/imagedrive.js'
import {
  listImages,
  pruneImages,
  removeImages,
  type ListedImage,
  type ListedKept,
  type RemovedImage,
} from '../vm/drive/images.js'
import { levelWords } from './level.js'
import { drawn } from './progress.js'
import type { Command, CommandContext } from './verb.js'

export const images: Command = {
  help: `Lists the images that have a name, with what is here of them: its size, how far it was checked, the VMs that were made from it.

  nbsvm images                     the list; --json: an array of objects: name, aliases, title, arches, level, user, kept
  nbsvm images pull debian fedora  fetch the newest now; newimg with image=NAME does it too where none is here
  nbsvm images rm fedora           remove what is here of it; one that a VM was made from stays
  nbsvm images prune               remove all that no VM was made from, and what broke off while it was made

CHECKED tells how far the bytes were checked before any of them was used, or would be where nothing is here:
${columns(Object.entries(levelWords).map(([level, words]) => [`  ${level}`, words])).join('\n')}

A download goes on where it broke off. https_proxy and no_proxy are obeyed, and NODE_EXTRA_CA_CERTS=FILE names further
certificates. An image of your own, or a mirror for one of these, is a file ~/.config/nbsvm/NAME.image: nbsvm help image.`,

  async run(context) {
    const [what, ...names] = context.words
    if (what === undefined) list(context)
    else if (what === 'pull') await pull(context, names)
    else if (what === 'rm') await rm(context, names)
    else await prune(context)
  },
}

function list({ flags, out, outside }: CommandContext): void {
  const found = listImages(outside.place)
  out(flags['json'] === true ? JSON.stringify(found, undefined, 2) : table(found))
}

function table(found: readonly ListedImage[]): string {
  const rows = found.flatMap((image) => {
    const names = [image.name, ...image.aliases].join(', ')
    if (image.kept.length === 0) return [[names, image.title, '-', image.level, '']]
    return image.kept.map((kept, at) => [at === 0 ? names : `  ${image.name}`, image.title, ...keptCells(kept)])
  })
  return columns([['NAME', 'WHAT', 'HERE', 'CHECKED', 'USED BY'], ...rows])
    .map((line) => line.trimEnd())
    .join('\n')
}

function keptCells({ sizeBytes, level, serial, usedBy }: ListedKept): string[] {
  return [`${formatSize(sizeBytes)}${serial === null ? '' : `  ${serial}`}`, level, usedBy.join(' ')]
}

async function pull({ out, note, progress, signal, outside }: CommandContext, names: readonly string[]): Promise<void> {
  for (const name of names) {
    try {
      const { kept } = await findImage(
        outside.place,
        parseImageRef(name),
        { note, signal, onProgress: drawn(progress) },
        { isFresh: true },
      )
      progress(undefined)
      note(`${name}: ${formatSize(kept.sizeBytes)}, ${levelWords[kept.level]}`)
      out(kept.path)
    } finally {
      progress(undefined)
    }
  }
}

async function rm({ note, outside }: CommandContext, names: readonly string[]): Promise<void> {
  for (const name of names) for (const removed of await removeImages(outside.place, name)) note(said(removed))
}

async function prune({ note, outside }: CommandContext): Promise<void> {
  const { images: removed, partBytes } = await pruneImages(outside.place)
  for (const image of removed) note(said(image))
  if (partBytes > 0) note(`removed ${formatSize(partBytes)} of what broke off while it was made`)
  if (removed.length === 0 && partBytes === 0) note('there was nothing to remove')
}

function said({ name, digest, freedBytes }: RemovedImage): string {
  const freed = freedBytes === 0 ? 'a drive still stands on it, so no room became free' : `${formatSize(freedBytes)} became free`
  return `removed ${name} (${digest.slice(0, shownDigest)}): ${freed}`
}

/** `sha512:` and twelve digits. */
const shownDigest = 19
