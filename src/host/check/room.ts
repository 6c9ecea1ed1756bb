// Room for drives that are files, and whether copies of them are free there.
import path from 'node:path'
import { errorCode, messageOf } from '../../core/errors.js'
import { formatSize } from '../../core/size.js'
import { freeBytes, makePrivateFolder, reflink, stat, writeBytes } from '../../sys/file.js'
import { hasNoLinks, linkNew } from '../../sys/link.js'
import { removeTree } from '../../sys/removal.js'
import { ownPid } from '../../sys/self.js'
import { bad, good, lacking, type Finding } from './finding.js'

/** A guest is installed in more than this. */
const littleBytes = 2 * 1024 ** 3

/** Btrfs copies files that fit into its tree in another way. */
const trialBytes = 64 * 1024

/** Looks at the folder of drives, or at the nearest one above it that is there already. */
export async function checkRoom(drives: string): Promise<Finding[]> {
  let folder = drives
  while (stat(folder) === undefined && folder !== '/') folder = path.dirname(folder)
  const free = freeBytes(folder)
  const what = `${formatSize(free)} free in ${drives}${folder === drives ? '' : ' (not made yet)'}`
  const trial = tryFolder(folder)
  if (trial instanceof Error) {
    const why = `${folder} cannot be written: ${errorCode(trial) ?? messageOf(trial)}`
    return [bad('drives', why, `see whose it is: ls -ld ${folder}`), lacking('reflinks', 'could not be tried')]
  }
  return [
    free < littleBytes ? lacking('drives', `only ${what}`, `see what takes it: du -sh ${drives}/*`) : good('drives', what),
    trial.reflinks
      ? good('reflinks', 'copies of drives take no time and no room')
      : lacking('reflinks', 'copies of drives are written out in full; XFS and Btrfs would share them'),
    ...(trial.hardLinks ? [] : [lacking('hard links', noHardLinks)]),
  ]
}

const noHardLinks =
  'this file system has none: a drive that is copied has no name for a moment. That is safe among nbsvms, and not from others'

/** What the file system of a folder can do. */
interface Abilities {
  readonly reflinks: boolean
  readonly hardLinks: boolean
}

/** Copies a file there by reference, gives it a second name, and removes all. An error says that nothing can be written. */
function tryFolder(folder: string): Abilities | Error {
  const trial = path.join(folder, `.nbsvm-doctor-${ownPid}`)
  try {
    makePrivateFolder(trial)
    writeBytes(path.join(trial, 'a'), Buffer.alloc(trialBytes, 'nbsvm'))
    return { reflinks: reflink(path.join(trial, 'a'), path.join(trial, 'b')), hardLinks: hasHardLinks(trial) }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  } finally {
    removeTree(trial)
  }
}

function hasHardLinks(trial: string): boolean {
  try {
    return linkNew(path.join(trial, 'a'), path.join(trial, 'c'))
  } catch (error) {
    if (hasNoLinks(error)) return false
    throw error
  }
}
