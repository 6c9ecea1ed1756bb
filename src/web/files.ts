// The files of the page: a table that is made once, so that no path is ever made of what somebody asks for.
import path from 'node:path'
import { list, readBytes } from '../sys/file.js'
import { packageFile } from '../sys/self.js'
import { gzip } from '../sys/webserver.js'

export interface PageFile {
  readonly type: string
  readonly bytes: Buffer
  /** The same packed, where that is smaller. */
  readonly packed: Buffer | undefined
}

export interface PageFiles {
  /** The page itself, with these values in place of its placeholders. */
  readonly page: (values: { readonly base: string; readonly nonce: string }) => string
  /** One of its files by its name. */
  readonly file: (name: string) => PageFile | undefined
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
}

const mostBytes = 16 * 1024 ** 2

/** Reads `page/` of the package. */
export function readPageFiles(): PageFiles {
  const index = packageFile('page/index.html')
  const folder = path.dirname(index)
  const html = readBytes(index, mostBytes)?.toString('utf8') ?? ''
  const files = new Map<string, PageFile>()
  for (const name of list(folder)) {
    const type = types[path.extname(name)]
    const bytes = type === undefined ? undefined : readBytes(path.join(folder, name), mostBytes)
    if (type !== undefined && bytes !== undefined) files.set(name, fileOf(type, bytes))
  }
  return {
    page: ({ base, nonce }) => html.replaceAll('__BASE__', base).replaceAll('__NONCE__', nonce),
    file: (name) => files.get(name),
  }
}

function fileOf(type: string, bytes: Buffer): PageFile {
  let packed: Buffer | undefined
  return {
    type,
    bytes,
    // Most pages are on the same machine, and none of this is needed before one is opened.
    get packed() {
      packed ??= gzip(bytes)
      return packed.length < bytes.length ? packed : undefined
    },
  }
}
