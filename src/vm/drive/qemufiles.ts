// Files that a QEMU needs in its own folder before it can open the VM's drives.
import { quoteWord } from '../../core/words.js'
import type { Drive } from '../../model/drive.js'
import type { Store } from '../../store/store.js'
import { ownUid } from '../../sys/environment.js'
import { giveTo, remove, writeBytes } from '../../sys/file.js'
import type { Drawer } from '../record/drawer.js'

interface Owner {
  readonly uid: number
  readonly gid: number
}

/** Lays them there, for QEMU's user alone. */
export async function layQemuFiles(
  { run }: Pick<Drawer, 'run'>,
  store: Store,
  drives: readonly Drive[],
  { uid, gid }: Owner,
): Promise<void> {
  for (const { name, text } of (await store.filesFor?.(drives)) ?? []) {
    const file = `${run}/${name}`
    remove(file)
    writeBytes(file, Buffer.from(text), 0o400)
    if (uid !== ownUid()) giveTo(file, { uid, gid })
  }
}

/** The same as lines for a shell. */
export async function layingQemuFiles(
  { folder, run }: Pick<Drawer, 'folder' | 'run'>,
  store: Store,
  drives: readonly Drive[],
  { uid, gid }: Owner,
): Promise<string[]> {
  return ((await store.filesFor?.(drives)) ?? []).map(({ name, making }) => {
    const file = quoteWord(`${run}/${name}`)
    const give = uid === ownUid() ? '' : ` && chown ${uid}:${gid} ${file}`
    return `mkdir -p -m 700 ${quoteWord(folder)} ${quoteWord(run)} && (umask 377 && ${making} >${file})${give}`
  })
}
