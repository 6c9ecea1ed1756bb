import { messageOf } from '../core/errors.js'
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
import type { ListedPooled } from '../vm/drive/pooled.js'
import { levelWords } from './level.js'
import { whileDrawn } from './progress.js'
import type { Command, CommandContext } from './verb.js'

export const images: Command = {
  help: `Lists the images that have a name, with what is here of them: its size, how far it was checked, the VMs that were made from it.

  nbsvm images                     the list; --json: an array of objects: name, aliases, title, arches, level, user, kept
  nbsvm images pull debian fedora  fetch the newest now; newimg with image=NAME does it too where none is here
  nbsvm images rm fedora           remove what is here of it; one that a VM was made from stays
  nbsvm images prune               remove all that no VM was made from, and what broke off while it was made

Where store=rbd is set in a class or the environment, what its pool has of them is listed too, with the VMs of all machines whose drives
stand on it; prune removes there what no drive stands on.

CHECKED tells how far the bytes were checked before any of them was used, or would be where nothing is here:
${columns(Object.entries(levelWords).map(([level, words]) => [`  ${level}`, words])).join('\n')}

A download goes on where it broke off. https_proxy and no_proxy are obeyed, and NODE_EXTRA_CA_CERTS=FILE names further
certificates. An image of your own, or a mirror for one of these, is a file ~/.config/nbsvm/NAME.image: nbsvm help image.`,

  async run(context) {
    const [what, ...names] = context.words
    if (what === undefined) await list(context)
    else if (what === 'pull') await pull(context, names)
    else if (what === 'rm') await rm(context, names)
    else await prune(context)
  },
}

async function list({ flags, out, note, outside }: CommandContext): Promise<void> {
  const found = await listImages(outside, (fault) => note(messageOf(fault)))
  out(flags['json'] === true ? JSON.stringify(found, undefined, 2) : table(found))
}

function table(found: readonly ListedImage[]): string {
  const rows = found.flatMap((image) => {
    const names = [image.name, ...image.aliases].join(', ')
    const cells = [...image.kept.map(keptCells), ...image.pooled.map(pooledCells)]
    if (cells.length === 0) return [[names, image.title, '-', image.level, '']]
    return cells.map((row, at) => [at === 0 ? names : `  ${image.name}`, image.title].concat(row))
  })
  return columns([['NAME', 'WHAT', 'HERE', 'CHECKED', 'USED BY'], ...rows])
    .map((line) => line.trimEnd())
    .join('\n')
}

function keptCells({ sizeBytes, level, serial, usedBy }: ListedKept): string[] {
  return [`${formatSize(sizeBytes)}${serial === null ? '' : `  ${serial}`}`, level, usedBy.join(' ')]
}

function pooledCells({ place, sizeBytes, usedBy }: ListedPooled): string[] {
  return [`${formatSize(sizeBytes)}  ${place}`, '', usedBy.join(' ')]
}

async function pull({ out, note, progress, signal, outside }: CommandContext, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { kept } = await whileDrawn(progress, (onProgress) =>
      findImage(outside.place, parseImageRef(name), { note, signal, onProgress }, { isFresh: true }),
    )
    note(`${name}: ${formatSize(kept.sizeBytes)}, ${levelWords[kept.level]}`)
    out(kept.path)
  }
}

async function rm({ note, outside }: CommandContext, names: readonly string[]): Promise<void> {
  for (const name of names) for (const removed of await removeImages(outside.place, name)) note(said(removed))
}

async function prune({ note, outside }: CommandContext): Promise<void> {
  const { images: removed, partBytes, pooled } = await pruneImages(outside)
  for (const image of removed) note(said(image))
  for (const { name, place, freedBytes } of pooled) note(`removed ${name} from ${place}: ${formatSize(freedBytes)} became free`)
  if (partBytes > 0) note(`removed ${formatSize(partBytes)} of what broke off while it was made`)
  if (removed.length + pooled.length === 0 && partBytes === 0) note('there was nothing to remove')
}

function said({ name, digest, freedBytes }: RemovedImage): string {
  const freed = freedBytes === 0 ? 'a drive still stands on it, so no room became free' : `${formatSize(freedBytes)} became free`
  return `removed ${name} (${digest.slice(0, shownDigest)}): ${freed}`
}

/** `sha512:` and twelve digits. */
const shownDigest = 19
