// How far a VM's console has been read by `wait`: kept in its drawer, so that the next line goes on where this one ended.
import type { Log } from '../../console/log.js'
import { endOf, type LogPlace } from '../../console/logtail.js'
import { olderOf } from '../../qemu/keeper.js'
import { readText, writeWhole } from '../../sys/file.js'
import type { Drawer } from '../record/drawer.js'

/** The drawers whose consoles this program has waited at, or typed at: between those it loses nothing. */
const ours = new Set<string>()

/** Whether this program has waited or typed there before. */
export function isOurs({ folder }: Pick<Drawer, 'folder'>): boolean {
  return ours.has(folder)
}

export function logOf({ consoleLog }: Pick<Drawer, 'consoleLog'>): Log {
  return { file: consoleLog, older: olderOf(consoleLog) }
}

/** The place up to which the console was heard; undefined: nothing of it, since power-on. */
export function heardUpTo({ heard }: Pick<Drawer, 'heard'>): LogPlace | undefined {
  const [, inode, offset, before = ''] = /^(\d+) (\d+) ([0-9a-f]*)\n$/.exec(readText(heard) ?? '') ?? []
  return inode === undefined ? undefined : { inode: Number(inode), offset: Number(offset), before: Buffer.from(before, 'hex') }
}

/** Notes that it was heard up to there. */
export function noteHeard({ folder, heard }: Pick<Drawer, 'folder' | 'heard'>, place: LogPlace | undefined): void {
  ours.add(folder)
  if (place !== undefined) writeWhole(heard, `${place.inode} ${place.offset} ${place.before.toString('hex')}\n`)
}

/**
 * To be called before something is typed. A program that begins with that waits for what comes from then on; one that has waited
 * before misses nothing of what came after what it waited for.
 */
export function noteTyping(drawer: Drawer): void {
  if (!isOurs(drawer)) noteHeard(drawer, endOf(logOf(drawer)))
}
