// Images where the disk has no more room, in each step of a pull.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { makeHome } from './cli.js'
import { smallDisk } from './support/smalldisk.js'
import { makeVendor, sha } from './support/vendor.js'

const { nbsvm, folder } = makeHome()
const { folder: full, skip } = smallDisk()
const env = { NBSVM_HOME: full }
const images = path.join(full, 'images')

/** Everything, but for the lock that stays. */
const whatIsThere = (): string[] => fs.readdirSync(images).filter((name) => name !== '.lock')

async function refused(words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await nbsvm(words, { env })
  assert.deepEqual([status, stdout], [1, ''], stderr)
  return stderr
}

const vendor = await makeVendor()
const name = (file: string, bytes: Buffer): string => `${vendor.url}/${file}#sha256:${sha('sha256', bytes)}`

test('a download whose length nobody knew: what came is kept, for when there is room, and goes by prune', { skip }, async () => {
  const bytes = randomBytes(2 * 2 ** 20)
  vendor.files.set('/chunked', { bytes, hidesLength: true })
  const filler = path.join(full, 'filler')
  fs.writeFileSync(filler, Buffer.alloc(1.5 * 2 ** 20))
  assert.match(
    await refused(['images', 'pull', name('chunked', bytes)]),
    /there is no room for more in .*, where 0 are left: ENOSPC/,
  )
  assert.deepEqual(
    whatIsThere().map((one) => one.slice(0, 6)),
    ['.part-', '.part-'],
  )
  fs.rmSync(filler)
  const { status, stderr } = await nbsvm(['images', 'pull', name('chunked', bytes)], { env })
  assert.equal(status, 0, stderr)
  assert.notEqual(vendor.askedFor('/chunked').at(-1)?.range, undefined, 'it went on')
  assert.equal((await nbsvm(['images', 'prune'], { env })).status, 0)
  assert.deepEqual(whatIsThere(), [])
})

test('what is unpacked, or copied, and does not fit: nothing of it stays, and the room is free again', { skip }, async () => {
  const free = (): number => fs.statfsSync(full).bavail
  const before = free()
  const bytes = execFileSync('gzip', ['-c'], { input: Buffer.alloc(16 * 2 ** 20, 'abc'), maxBuffer: 2 ** 28 })
  vendor.files.set('/packed.gz', { bytes })
  assert.match(await refused(['images', 'pull', name('packed.gz', bytes)]), /cannot unpack .*No space left on device/)
  assert.deepEqual(whatIsThere(), [])
  const local = path.join(folder, 'local.img')
  fs.writeFileSync(local, randomBytes(4 * 2 ** 20))
  assert.match(await refused(['foo', `image=${local}`, 'newimg']), /cannot copy .*No space left on device/)
  assert.deepEqual(whatIsThere(), [])
  // A record of the VM may be made, some KB.
  assert.ok(before - free() < 8, `${before} blocks were free, ${free()} are`)
})

test('where not even a note can be written: nothing half-made is kept, and seeing and pruning go on', { skip }, async () => {
  const bytes = randomBytes(4096)
  vendor.files.set('/small', { bytes })
  spawnSync('dd', ['if=/dev/zero', `of=${full}/filler`, 'bs=1k'])
  assert.match(await refused(['images', 'pull', name('small', bytes)]), /there is no room for 4K more/)
  for (const words of [['images'], ['images', 'prune'], ['ls']]) assert.equal((await nbsvm(words, { env })).status, 0)
  assert.deepEqual(whatIsThere(), [])
})
