// Which folders of the host a VM gets, who serves them, and which it does not get.
import path from 'node:path'
import { Failure } from '../../core/errors.js'
import { quoteWord } from '../../core/words.js'
import { canServe, findVirtiofsd, virtiofsdHelper, type ServedAs } from '../../guest/virtiofsd.js'
import type { Helper } from '../../model/helper.js'
import { tagsOf, type Share, type ShareWish } from '../../model/share.js'
import { shareSocket } from '../../qemu/device/share.js'
import { isRoot } from '../../sys/environment.js'
import { realPath, stat } from '../../sys/file.js'
import { run } from '../../sys/process.js'
import type { Place } from '../../host/place.js'
import { runFolder } from '../record/drawer.js'
import type { Vm } from '../record/vm.js'

export interface PlannedShares {
  readonly shares: readonly Share[]
  readonly helpers: readonly Helper[]
}

/**
 * Works out how each folder is shared: by virtiofsd where one is installed, else by QEMU itself (9p). Nothing is made. Throws a
 * Failure for a folder that is not there, that QEMU's user may not use, or that would give the guest more than was meant.
 */
export async function planShares(
  vm: Vm,
  wishes: readonly ShareWish[],
  as: ServedAs & { readonly user: string },
  { virtiofs }: { readonly virtiofs: boolean },
): Promise<PlannedShares> {
  const found = virtiofs ? await findVirtiofsd() : undefined
  const tags = tagsOf(wishes)
  const shares: Share[] = []
  const helpers: Helper[] = []
  for (const [index, wish] of wishes.entries()) {
    const hostPath = folderOf(wish)
    if (!wish.readOnly) refuseOwn(vm.place, hostPath)
    await requireAccess(vm, { ...wish, hostPath }, as)
    const isServed = found !== undefined && canServe(found, wish)
    const share: Share = { ...wish, hostPath, tag: tags[index] ?? '', by: isServed ? 'virtiofs' : '9p' }
    shares.push(share)
    if (isServed) helpers.push(virtiofsdHelper(found, share, { index, as, folder: runFolder, socket: shareSocket(index) }))
  }
  return { shares, helpers }
}

function folderOf({ hostPath }: ShareWish): string {
  const real = realPath(hostPath)
  if (real !== undefined && stat(real)?.isDirectory() === true) return real
  throw new Failure(real === undefined ? `there is no folder ${hostPath} to share` : `${hostPath} is not a folder`, {
    code: 'FILE_MISSING',
    hints: [real === undefined ? `make it: mkdir -p ${quoteWord(hostPath)}` : 'share the folder that it is in'],
  })
}

/** A guest that can write nbsvm's own files, or a user's whole home, can do on this machine what that user can. */
function refuseOwn({ state, records, drives, images, config }: Place, folder: string): void {
  const own = [state, records, drives, images, config.userFolder].filter((one) => one !== undefined)
  const inside = (one: string): boolean => `${one}/`.startsWith(folder === '/' ? '/' : `${folder}/`)
  const met = own.find((one) => {
    // One of them, or what it is in, may be a link to another disk.
    const place = resolved(one)
    return inside(place) || `${folder}/`.startsWith(`${place}/`)
  })
  if (met === undefined) return
  throw new Failure(
    `${folder} cannot be shared to be written: ${met} is nbsvm's own, and a guest that writes there rules this machine's VMs`,
    { code: 'NOT_ALLOWED', hints: ['share a folder below it', `or only to be read: ${shareWord(folder, '/PLACE')}`] },
  )
}

/** A share to be read only, as it is typed: the setting is a list of words. */
function shareWord(hostPath: string, guestPath: string): string {
  return quoteWord(`share=${quoteWord(`${hostPath}:${guestPath}:ro`)}`)
}

/** A path with every link followed, as far as it leads to something. */
function resolved(file: string): string {
  return realPath(file) ?? path.join(resolved(path.dirname(file)), path.basename(file))
}

/** Under root a QEMU has a user of its own, who may do next to nothing. */
async function requireAccess(
  { call }: Vm,
  { hostPath, guestPath, readOnly }: ShareWish,
  as: ServedAs & { readonly user: string },
): Promise<void> {
  const rights = [...(readOnly ? [] : ['-a', '-w', hostPath]), '-a', '-x', hostPath]
  if (as.uid === 0) return
  const { status } = await run([...as.prefix, 'test', '-r', hostPath, ...rights])
  if (status === 0) return
  const what = readOnly ? 'read' : 'read and write'
  const { user } = as
  throw new Failure(`${hostPath} cannot be shared: ${user}, whom QEMU runs as, may not ${what} it`, {
    code: 'NOT_ALLOWED',
    hints: [
      ...(isRoot() ? [`run QEMU as the folder's owner, whose rights the guest then has there: ${call} run_as=OWNER start`] : []),
      ...(readOnly ? [] : [`or share it only to be read: ${shareWord(hostPath, guestPath)}`]),
    ],
  })
}
