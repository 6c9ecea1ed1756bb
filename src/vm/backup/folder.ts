// The folder of one VM's backups, in a folder of the user's: DIR/foo/
//
//   folder.json              which folder this is, for the bitmaps of the drives: a copy of it is not told from it
//   lock                     held by who writes a backup or removes one; shared by who reads
//   chunks/1f..c2            what drives held, by the SHA-256 of it (chunks.ts)
//   20261128T095604Z/        a backup, by the time (UTC) at which its drives held that; `-2` behind it where there were two in a second
//     backup.json            what it is (manifest.ts)
//     vm.json                the VM, as `send` says it
//     drive-0.index          which chunk has what of drive 0 (driveindex.ts)
//     sha256                 of these, for sha256sum -c
//   .new-TOKEN/              one that is being made. Where its maker was killed: there may be chunks that no backup needs
//   .gone-TOKEN/             one that is being removed
import path from 'node:path'
import { errorCode, Failure } from '../../core/errors.js'
import { quoteWord } from '../../core/words.js'
import { list, lstat, makePrivateFolder, remove, rename, stat, syncFolder, writeWhole } from '../../sys/file.js'
import { holderOf, waitLock, type Lock } from '../../sys/lock.js'
import { readPlain } from '../../sys/plain.js'
import { removeTree } from '../../sys/removal.js'
import { randomHex } from '../../sys/stamp.js'

export interface BackupFolder {
  /** `DIR/foo` */
  readonly path: string
  readonly chunks: string
  /** Sixteen digits that no other folder has. */
  readonly id: string
}

const nameShape = /^\d{8}T\d{6}Z(?:-\d{1,4})?$/
const beginsAs = (prefix: string): RegExp => new RegExp(`^\\.${prefix}-[0-9a-f]{16}$`)
const unfinishedShape = beginsAs('new')
const goneShape = beginsAs('gone')

const lockWaitMs = 2000
const largestFolderFile = 4096

export const unfinishedFolder = ({ path }: BackupFolder, token: string): string => `${path}/.new-${token}`

/** The folder of a VM's backups. Undefined where there is none. Throws a Failure where what is there is something else. */
export function findFolder(dir: string, id: string): BackupFolder | undefined {
  const folder = path.join(path.resolve(dir), id)
  const found = lstat(folder)
  if (found === undefined) return undefined
  if (!found.isDirectory()) throw new Failure(`${folder} is not a folder`, { code: 'BACKUP_DAMAGED' })
  for (const name of ['chunks', 'folder.json', 'lock'])
    if (lstat(`${folder}/${name}`)?.isSymbolicLink() === true)
      throw new Failure(`${folder}/${name} is a link`, { code: 'BACKUP_DAMAGED' })
  const text = readPlain(`${folder}/folder.json`, largestFolderFile)?.text
  if (text === undefined) return undefined
  const [, own] = /^\{"nbsvmBackups":1,"id":"([0-9a-f]{16})"\}\n$/.exec(text) ?? []
  if (own !== undefined) return { path: folder, chunks: `${folder}/chunks`, id: own }
  throw new Failure(`${folder}/folder.json is damaged, or a newer nbsvm made it`, { code: 'BACKUP_DAMAGED' })
}

/** Throws a Failure where there is none for folders of backups: a disk that is not mounted, above all, in whose place nothing is made. */
export function requireDir(dir: string): void {
  const place = path.resolve(dir)
  if (stat(place)?.isDirectory() !== true)
    throw new Failure(`${dir} is not a folder`, { code: 'FILE_MISSING', hints: [`make it: mkdir ${quoteWord(dir)}`] })
  if (lstat(`${place}/folder.json`) !== undefined)
    throw new Failure(`${dir} is the folder of one VM's backups`, {
      hints: [`name the one that it is in: ${quoteWord(path.dirname(place))}`],
    })
}

/** The same, made where there is none. */
export function makeFolder(dir: string, id: string): BackupFolder {
  const known = findFolder(dir, id)
  if (known !== undefined) return known
  requireDir(dir)
  const folder = path.join(path.resolve(dir), id)
  const strangers = list(folder).filter((name) => name !== 'chunks' && name !== 'lock' && !/^folder\.json\.\d+\.tmp$/.test(name))
  if (strangers.length > 0)
    throw new Failure(`${folder} is there already, and no folder of backups: it has ${strangers[0]}`, {
      hints: ['choose another folder'],
    })
  makePrivateFolder(`${folder}/chunks`)
  writeWhole(`${folder}/folder.json`, `{"nbsvmBackups":1,"id":"${randomHex(8)}"}\n`)
  for (const one of [folder, path.dirname(folder)]) syncFolder(one)
  const made = findFolder(dir, id)
  if (made === undefined) throw new Failure(`${folder} has been removed meanwhile`)
  return made
}

/** The names of the backups that are there, whole or not, in no order that counts. */
export function backupNames(folder: Pick<BackupFolder, 'path'>): string[] {
  return list(folder.path).filter((name) => nameShape.test(name) && lstat(`${folder.path}/${name}`)?.isDirectory() === true)
}

/** Keeps others from the folder meanwhile: from changing it, or at all. Throws a Failure that says who has it. */
export async function withFolder<T>(
  folder: BackupFolder,
  {
    doing,
    hold,
    signal,
  }: { readonly doing: string; readonly hold: 'exclusive' | 'shared'; readonly signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  const lock = await lockFolder(folder, hold, doing, signal)
  try {
    return await work()
  } finally {
    lock?.release()
  }
}

/** Undefined on a disk that cannot be written to: there nobody changes anything. */
async function lockFolder(
  folder: BackupFolder,
  hold: 'exclusive' | 'shared',
  doing: string,
  signal: AbortSignal | undefined,
): Promise<Lock | undefined> {
  const file = `${folder.path}/lock`
  try {
    // What another wrote there who only reads is not to be wiped out.
    const lock = await waitLock(file, lockWaitMs, hold, hold === 'exclusive' ? { doing, signal } : { signal })
    if (lock !== undefined) return lock
  } catch (error) {
    if (hold === 'shared' && ['EROFS', 'EACCES', 'EPERM'].includes(errorCode(error) ?? '')) return undefined
    throw error
  }
  const holder = holderOf(file)
  const who = holder === undefined ? 'another nbsvm' : `pid ${holder.pid} (${holder.doing})`
  throw new Failure(`cannot ${doing}: ${who} is at work in ${folder.path}`, {
    code: 'BUSY',
    hints: [holder === undefined ? `see who: fuser -v ${quoteWord(file)}` : `wait for it, or end it: kill ${holder.pid}`],
  })
}

const two = (number: number): string => String(number).padStart(2, '0')

/** `20261128T095604Z` */
function timeName(atMs: number): string {
  const date = new Date(atMs)
  const day = `${date.getUTCFullYear()}${two(date.getUTCMonth() + 1)}${two(date.getUTCDate())}`
  return `${day}T${two(date.getUTCHours())}${two(date.getUTCMinutes())}${two(date.getUTCSeconds())}Z`
}

/** Gives a backup that is whole and on the disk its name. From here on it is there. */
export function publishBackup(folder: BackupFolder, token: string, atMs: number): string {
  const wanted = timeName(atMs)
  let name = wanted
  for (let number = 2; lstat(`${folder.path}/${name}`) !== undefined; number++) name = `${wanted}-${number}`
  rename(unfinishedFolder(folder, token), `${folder.path}/${name}`)
  syncFolder(folder.path)
  return name
}

/** Removes a backup for everybody in one step; what is left of it is swept. */
export function putAside(folder: BackupFolder, name: string): void {
  rename(`${folder.path}/${name}`, `${folder.path}/.gone-${randomHex(8)}`)
  syncFolder(folder.path)
}

/** Whether somebody was killed here, or a backup removed: there may be chunks that nobody needs. */
export function hasLeftovers(folder: BackupFolder): boolean {
  return list(folder.path).some((name) => unfinishedShape.test(name) || goneShape.test(name))
}

/** Removes chunks that are not needed, unfinished ones, and then what told that there are any. The folder's lock is held. */
export function sweepFolder(folder: BackupFolder, needed: ReadonlySet<string>): void {
  for (const name of list(folder.chunks)) if (!needed.has(name)) remove(`${folder.chunks}/${name}`)
  for (const name of list(folder.path))
    if (unfinishedShape.test(name) || goneShape.test(name)) removeTree(`${folder.path}/${name}`)
}
