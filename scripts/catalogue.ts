// Writes src/image/pins.ts: the digest of the newest build of each image, as its vendor's list has it, whose signature is verified where
// there is one. Needs the internet and gpgv; images themselves are not fetched. What cannot be resolved keeps the pin that it has.
//   npm run catalogue                 all of them; read the difference, then commit it
//   npm run catalogue -- debian-13    these alone
// Only builds that have an address of their own are pinned: what an alias leads to changes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fullMessage } from '../src/core/errors.js'
import { catalogue } from '../src/image/catalogue.js'
import type { Entry, Pin } from '../src/image/entry.js'
import { withImageJob } from '../src/image/imagejob.js'
import { pins as before } from '../src/image/pins.js'
import { resolveListed } from '../src/image/resolve.js'
import type { Arch } from '../src/model/guest.js'
import { formatDigest } from '../src/model/imageref.js'

const wanted = process.argv.slice(2)
const pins: Record<string, Pin> = { ...before }
let resolved = 0
const folder = mkdtempSync(path.join(os.tmpdir(), 'nbsvm-catalogue-'))
try {
  for (const entry of catalogue.filter(({ id }) => wanted.length === 0 || wanted.includes(id))) {
    for (const arch of Object.keys(entry.arches) as Arch[]) await pin(entry, arch)
  }
} finally {
  rmSync(folder, { recursive: true })
}

// Where nothing could be asked, nothing was looked at.
if (resolved > 0) write()

function write(): void {
  const known = new Set(catalogue.flatMap(({ id, arches }) => Object.keys(arches).map((arch) => `${id}/${arch}`)))
  const kept = Object.entries(pins).filter(([key]) => known.has(key))
  writeFileSync(
    'src/image/pins.ts',
    `// Written by \`npm run catalogue\`, which verifies what it writes. Without a pin, the vendor's list tells the digest when an image is fetched.
import type { Pin } from './entry.js'

/** When the catalogue was looked at last. */
export const catalogueDate = '${new Date().toISOString().slice(0, 10)}'

/** By entry and processor: \`debian-13/x86_64\`. */
export const pins: Readonly<Record<string, Pin>> = ${JSON.stringify(Object.fromEntries(kept), undefined, 2)}
`,
  )
}

async function pin(entry: Entry, arch: Arch): Promise<void> {
  const key = `${entry.id}/${arch}`
  try {
    const found = await withImageJob(folder, (job) => resolveListed(job, entry, arch, undefined, {}))
    const { url, digest, serial, level } = found
    resolved++
    const hasOwnAddress = entry.isFixed === true || serial !== undefined
    if (!hasOwnAddress || (level !== 'signed' && level !== 'https')) {
      console.log(`${key}: not pinned: ${hasOwnAddress ? level : 'its address is an alias'}`)
      return
    }
    pins[key] = { ...(serial === undefined ? {} : { serial }), url, digest: formatDigest(digest), level }
    console.log(`${key}: ${level} ${serial ?? ''}`)
  } catch (error) {
    process.exitCode = 1
    console.log(`${key}: as before: ${fullMessage(error)}`)
  }
}
