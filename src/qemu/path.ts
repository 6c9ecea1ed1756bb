// QEMU runs in its drawer; whoever writes options behind `start` means files of the folder that he is in.
import type { Words } from '../model/machine.js'

/** Options whose value is the name of a file. */
const fileOptions = new Set([
  'cdrom',
  'kernel',
  'initrd',
  'dtb',
  'bios',
  'hda',
  'hdb',
  'hdc',
  'hdd',
  'fda',
  'fdb',
  'pflash',
  'mtdblock',
  'sd',
])

/** Options with `file=NAME` among their parameters. */
const listOptions = new Set(['drive', 'device', 'netdev', 'object', 'acpitable', 'smbios', 'fw_cfg', 'blockdev'])

/** The same words with full paths in place of relative ones, where `find` knows a file of that name. All else is passed on as it is. */
export function withFullPaths(words: Words, find: (name: string) => string | undefined): string[] {
  return words.map((word, at) => {
    const option = words[at - 1]?.replace(/^--?/, '') ?? ''
    if (!words[at - 1]?.startsWith('-') || word.startsWith('{')) return word
    if (fileOptions.has(option)) return find(word)?.replaceAll(',', ',,') ?? word
    if (!listOptions.has(option)) return word
    return word.replace(
      /(?<=^|,)(?<key>(?:file|filename|file\.filename)=)(?<name>(?:[^,]|,,)+)/,
      (whole, key: string, name: string) => {
        const found = find(name.replaceAll(',,', ','))
        return found === undefined ? whole : key + found.replaceAll(',', ',,')
      },
    )
  })
}
