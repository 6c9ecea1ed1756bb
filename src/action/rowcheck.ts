// What is right of the words and flags of actions. Each throws a UsageError for what can mean nothing.
import { seconds } from '../config/quantity.js'
import { parseAwaited } from '../console/awaited.js'
import { UsageError } from '../core/errors.js'
import { quote } from '../core/quote.js'
import { parseDestination } from '../core/target.js'
import { quoteWord } from '../core/words.js'
import { isSystem, systemOf } from '../qemu/export/system.js'
import { parseClosings, parseForwards } from '../model/forward.js'
import type { Flags } from './verb.js'

export function checkNumber(text: string): void {
  if (!/^\d+$/.test(text))
    throw new UsageError(`${quote(text)} is not the number of a drive`, { hints: ['write it like 0 or 1'] })
}

export function checkMove([host]: readonly string[], { downtime, settle, keep }: Flags): void {
  if ([host, settle, keep].filter((one) => one !== undefined).length !== 1)
    throw new UsageError('move needs HOST, or --settle or --keep', { hints: ['see: nbsvm help move'] })
  if (host !== undefined) parseDestination(host)
  if (downtime !== undefined && !/^[1-9]\d{0,5}$/.test(String(downtime)))
    throw new UsageError(`${quote(String(downtime))} is not a number of milliseconds`, {
      hints: ['write it like --downtime=300'],
    })
}

export function checkExec(_: readonly string[], { timeout }: Flags): void {
  if (timeout !== undefined && !/^[1-9]\d{0,7}$/.test(String(timeout)))
    throw new UsageError(`${quote(String(timeout))} is not a number of seconds`, { hints: ['write it like --timeout=60'] })
}

export function checkWait([word = '']: readonly string[], { timeout }: Flags): void {
  parseAwaited(word)
  if (timeout !== undefined) seconds.parse(String(timeout))
}

/** The file that `screenshot` writes. */
export function checkPicture([file = '']: readonly string[]): void {
  if (file === '-' || file.endsWith('.png')) return
  throw new UsageError(`${quote(file)} is not the name of a PNG file`, {
    hints: [`try: screenshot ${quoteWord(`${file}.png`)}`],
  })
}

/** The ports of `forward`. */
export function checkForward(words: readonly string[], { remove, hold }: Flags): void {
  if (remove === true && hold === true) throw new UsageError('either --remove or --hold')
  void (remove === true ? parseClosings(words) : parseForwards(words))
}

/** Either a file, or a system that imports it. */
export function checkExport([file]: readonly string[], flags: Flags): void {
  if (isSystem(flags)) {
    systemOf(flags)
    if (flags['plain'] === true) throw new UsageError('--plain is for export FILE')
    if (file === undefined) return
    throw new UsageError(`export: either for a system, or into a file, not both: ${quote(file)}`, {
      hints: [`where ${file} is another action: -- ${file}`],
    })
  }
  if (file === undefined || file === '')
    throw new UsageError('export: into which file, or for which system?', {
      hints: ['try: export FILE', 'try: export --libvirt, --proxmox or --kubevirt'],
    })
}

/** A file, or a line of QEMU. */
export function checkImport([word]: readonly string[], { qemu, same }: Flags): void {
  if (qemu === true && same === true) throw new UsageError('either --qemu or --same')
  if (word !== undefined && word !== '') return
  throw new UsageError(qemu === true ? 'import --qemu: which line?' : 'import: which file?', {
    hints: [qemu === true ? "try: import --qemu 'qemu-system-x86_64 -m 2G -hda disk.qcow2'" : 'try: import FILE'],
  })
}

/** The number of a process. */
export function checkAdopt([pid = '']: readonly string[]): void {
  if (/^[1-9]\d{0,9}$/.test(pid)) return
  throw new UsageError(`${quote(pid)} is not the number of a process`, { hints: ['which there are: pgrep -a qemu'] })
}

export function checkBackup([dir]: readonly string[], { settle, keep }: Flags): void {
  if ((dir === undefined) !== (settle === true))
    throw new UsageError('backup needs DIR, a folder for backups', { hints: ['see: nbsvm help backup'] })
  if (keep !== undefined && !/^[1-9]\d{0,5}$/.test(String(keep)))
    throw new UsageError(`${quote(String(keep))} is not a number of backups`, { hints: ['write it like --keep=7'] })
}
