// The names of dirty bitmaps. Each backup leaves one in every drive, which notes what is written from its moment on: in the file of the
// drive where that is qcow2, so it goes and comes back with what the file holds; QEMU marks one that was open as it was killed as
// inconsistent. Pure.

/** As fine as blocks of backups. */
export const granularity = 4096

/** So many of other folders' are left: each costs a little at every write. */
const mostOthers = 3

const shape = /^nbsvm-(?<folder>[0-9a-f]{16})-(?<at>[0-9a-f]{12})-[0-9a-f]{16}$/

/** The bitmap of a backup. */
export function bitmapName(folderId: string, { token, atMs }: { readonly token: string; readonly atMs: number }): string {
  return `nbsvm-${folderId}-${Math.max(0, atMs).toString(16).padStart(12, '0')}-${token}`
}

export interface Bitmap {
  readonly name: string
  /** Whether it has noted all that was written. */
  readonly isRight: boolean
}

/** Those to remove once `kept` counts, of all that a drive has: other ones of its folder, broken ones, the oldest of other folders. */
export function superfluous(bitmaps: readonly Bitmap[], folderId: string, kept: string | undefined): string[] {
  const ours = bitmaps.filter(({ name }) => shape.test(name) && name !== kept)
  const others = ours
    .filter(({ name, isRight }) => isRight && folderOf(name) !== folderId)
    .map(({ name }) => name)
    .toSorted((a, b) => timeIn(b).localeCompare(timeIn(a)))
  const newest = new Set(others.slice(0, mostOthers))
  return ours.map(({ name }) => name).filter((name) => !newest.has(name))
}

const folderOf = (name: string): string | undefined => shape.exec(name)?.groups?.['folder']
const timeIn = (name: string): string => shape.exec(name)?.groups?.['at'] ?? ''
