// Folders of the host that a guest sees: how they are written. Pure.
import { UsageError } from '../core/errors.js'
import { quote } from '../core/quote.js'

/** What a share is to be, as the setting has it. */
export interface ShareWish {
  /** Absolute path of a folder of the host. */
  readonly hostPath: string
  /** Where the guest has it: an absolute path. */
  readonly guestPath: string
  readonly readOnly: boolean
}

/** A share of a VM. */
export interface Share extends ShareWish {
  /** What the guest mounts it by. */
  readonly tag: string
  /** `virtiofs`: a virtiofsd serves it. `9p`: QEMU does. */
  readonly by: 'virtiofs' | '9p'
}

/** 9p takes no longer tag, virtiofs one of 36 bytes. */
const longestTag = 31

const shape = /^(?<host>.+):(?<guest>\/[^:]*)(?::(?<mode>ro|rw))?$/s

/** Reads `~/src:/src` or `/data:/data:ro`; `resolve` makes an absolute path of what stands for the host's folder. */
function parseShare(text: string, resolve: (path: string) => string): ShareWish {
  const { host, guest = '', mode } = shape.exec(text)?.groups ?? {}
  const guestPath = `/${guest
    .split('/')
    .filter((part) => part !== '')
    .join('/')}`
  if (host === undefined || guestPath === '/' || /\p{Cc}/u.test(text) || guestPath.split('/').includes('..')) {
    throw new UsageError(`${quote(text)} is not a share`, {
      hints: ['write HOST:GUEST, two folders, with :ro behind them where the guest may not write: share=~/src:/src'],
    })
  }
  return { hostPath: resolve(host), guestPath, readOnly: mode === 'ro' }
}

/** Reads a list of them. Throws a UsageError where two are to be at one place of the guest. */
export function parseShares(texts: readonly string[], resolve: (path: string) => string): ShareWish[] {
  const shares = texts.map((text) => parseShare(text, resolve))
  const twice = shares.find(({ guestPath }, at) => shares.findIndex((one) => one.guestPath === guestPath) < at)
  if (twice !== undefined) throw new UsageError(`two shares are to be ${twice.guestPath} of the guest`)
  return shares
}

/** Tags, made from where the guest has them: `/src` is `src`, `/mnt/data` is `mnt-data`. */
export function tagsOf(shares: readonly Pick<ShareWish, 'guestPath'>[]): string[] {
  const tags: string[] = []
  for (const { guestPath } of shares) {
    const plain = guestPath.slice(1).replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    const tag = plain.slice(0, longestTag)
    tags.push(tags.includes(tag) ? `${plain.slice(0, longestTag - 4)}-${tags.length}` : tag)
  }
  return tags
}
