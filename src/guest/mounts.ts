// How a guest mounts the folders that are shared with it. Pure.
import { quoteWord } from '../core/words.js'
import type { Share } from '../model/share.js'

/** What is typed in a Linux guest, as root: `mount -t virtiofs src /src`. */
function mountLine({ tag, guestPath, readOnly, by }: Pick<Share, 'tag' | 'guestPath' | 'readOnly' | 'by'>): string {
  const options = [...(by === '9p' ? ['trans=virtio', 'version=9p2000.L', 'msize=512000'] : []), ...(readOnly ? ['ro'] : [])]
  const chosen = options.length === 0 ? '' : `-o ${options.join(',')} `
  return `mount -t ${by} ${chosen}${quoteWord(tag)} ${quoteWord(guestPath)}`
}

/** What to type in a guest that nobody tells of its shares. */
export function mountHints(shares: readonly Share[]): string[] {
  const needs9p = shares.some(({ by }) => by === '9p')
  return [
    ...shares.map((share) => `in the guest, as root: mkdir -p ${quoteWord(share.guestPath)} && ${mountLine(share)}`),
    ...(needs9p
      ? [
          "its kernel must know 9p, which Debian's cloud kernel does not; the other way is virtiofsd on this machine (that of QEMU up to 7.2 with newgidmap, of uidmap or shadow)",
        ]
      : []),
  ]
}

/**
 * Entries of cloud-init's `bootcmd`, which runs early in every boot: so shares come and go with the setting, and /etc/fstab is
 * nobody else's. One that cannot be mounted keeps no other from it, and says so on the console.
 */
export function mountCommands(shares: readonly Share[]): string[][] {
  return shares.map((share) => {
    const folder = quoteWord(share.guestPath)
    return ['sh', '-c', `mkdir -p ${folder} && { mountpoint -q ${folder} || ${mountLine(share)}; }`]
  })
}
