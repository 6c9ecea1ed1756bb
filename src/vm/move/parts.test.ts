import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import type { Drive } from '../../model/drive.js'
import { extentsOf } from './image.js'
import { readAhead, withParts } from './parts.js'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-parts-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const mib = 2 ** 20
const at = (name: string): string => path.join(folder, name)
const io = (file: string, ...commands: readonly string[]): unknown =>
  execFileSync('qemu-io', ['-f', 'qcow2', ...commands.flatMap((one) => ['-c', one]), file], { stdio: 'ignore' })

/** An overlay over a raw file whose last block is cut. */
function drive(name: string, ...commands: readonly string[]): { readonly drive: Drive; readonly flat: Buffer } {
  const [under, over, flat] = [at(`${name}.raw`), at(`${name}.qcow2`), at(`${name}.flat`)]
  const bytes = Buffer.alloc(5 * mib - 300)
  for (const [start, value] of [
    [0, 1],
    [3 * mib + 5000, 2],
    [bytes.length - 700, 3],
  ] as const)
    bytes.fill(value, start, Math.min(bytes.length, start + 70_000))
  fs.writeFileSync(under, bytes)
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', under, '-F', 'raw', over, '6M'])
  io(over, 'write -P 4 1M 200k', 'write -z 64k 64k', 'write -P 5 5M 64k', ...commands)
  execFileSync('qemu-img', ['convert', '-O', 'raw', over, flat])
  const backing = { kind: 'file', format: 'raw', path: under } as const
  return {
    drive: { name, number: 0, image: { kind: 'file', format: 'qcow2', path: over, backing } },
    flat: fs.readFileSync(flat),
  }
}

for (const [how, commands] of [
  ['its files are read', []],
  ['what is compressed goes through qemu-nbd', ['write -c -P 6 2M 64k']],
] as const) {
  test(`any part of a drive is what its guest would see: ${how}`, async () => {
    const { drive: tried, flat } = drive(how.replaceAll(' ', '-'), ...commands)
    const parts = await extentsOf(tried)
    assert.equal(
      parts.every(({ offset }) => offset !== undefined),
      commands.length === 0,
    )
    await withParts(tried, parts, { folder }, async (read) => {
      for (const [offset, length] of [
        [0, 1],
        [0, mib],
        [mib - 1, 2],
        [mib + 199_999, 100_000],
        [3 * mib, mib],
        [5 * mib - 512, 1024],
        [5 * mib, mib],
      ] as const)
        assert.ok((await read(offset, length)).equals(flat.subarray(offset, offset + length)), `${offset} ${length}`)
      for (const reused of [false, true]) {
        let end = 0
        for await (const { offset, bytes } of readAhead(read, [{ start: 0, length: 6 * mib }], { reused })) {
          assert.equal(offset, end)
          assert.ok(bytes.equals(flat.subarray(offset, offset + bytes.length)), `piece at ${offset}`)
          end += bytes.length
        }
        assert.equal(end, 6 * mib)
      }
    })
    const seen = Buffer.alloc(flat.length)
    await withParts(tried, parts, { folder }, async (read) => {
      for await (const { offset, bytes } of readAhead(read, parts, { reused: true })) bytes.copy(seen, offset)
    })
    assert.ok(seen.equals(flat), 'nothing is missing')
  })
}

test('a file that has gone is told, and nothing is left open', async () => {
  const { drive: tried } = drive('gone')
  const parts = await extentsOf(tried)
  fs.rmSync(tried.image.backing?.path ?? '')
  const open = fs.readdirSync('/proc/self/fd').length
  await assert.rejects(
    withParts(tried, parts, { folder }, (read) => read(0, mib)),
    /ENOENT|no such file/i,
  )
  assert.equal(fs.readdirSync('/proc/self/fd').length, open)
})
