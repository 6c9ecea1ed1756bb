import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { tarEnd, tarHeader, tarPadding, TarReader, type TarEntry } from './tar.js'

interface Read {
  readonly entry: TarEntry
  readonly bytes: Buffer
}

const plain = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 1_700_000_000, sizeBytes: 0, target: '' }

function archive(files: readonly Read[]): Buffer {
  return Buffer.concat([...files.flatMap(({ entry, bytes }) => [tarHeader(entry), bytes, tarPadding(bytes.length)]), tarEnd])
}

function read(bytes: Buffer, sizes: readonly number[] = [10_000]): Read[] {
  const found: { entry: TarEntry; pieces: Buffer[] }[] = []
  const reader = new TarReader({
    onEntry: (entry) => found.push({ entry, pieces: [] }),
    onBytes: (piece) => found.at(-1)?.pieces.push(Buffer.from(piece)),
    onEntryEnd: () => {},
  })
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    reader.push(bytes.subarray(at, at + size))
    at += size
  }
  reader.end()
  return found.map(({ entry, pieces }) => ({ entry, bytes: Buffer.concat(pieces) }))
}

const name = fc
  .array(
    fc.integer({ min: 1, max: 255 }).filter((byte) => byte !== 0x2f),
    { minLength: 1, maxLength: 300 },
  )
  .map((bytes) => Buffer.from(bytes).toString('latin1'))

test('what is written is read again, whatever the name and the pieces that it comes in', () => {
  const file = fc
    .tuple(name, fc.uint8Array({ maxLength: 2000 }), fc.integer({ min: 0, max: 0o777 }))
    .map(([own, bytes, mode]) => ({
      entry: { ...plain, name: own, kind: 'file' as const, mode, sizeBytes: bytes.length },
      bytes: Buffer.from(bytes),
    }))
  const link = name.map((target) => ({
    entry: { ...plain, name: 'link', kind: 'link' as const, target },
    bytes: Buffer.alloc(0),
  }))
  fc.assert(
    fc.property(
      fc.array(fc.oneof(file, link), { maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1 }),
      (files, cut) => {
        const found = read(archive(files), cut)
        assert.deepEqual(found, files)
      },
    ),
    { numRuns: 50 },
  )
})

test('tar(1) reads what is written here: long names, links, folders, and 12 GB', () => {
  const long = `${'long/'.repeat(60)}name`
  const entries: TarEntry[] = [
    { ...plain, name: 'folder', kind: 'folder', mode: 0o750 },
    { ...plain, name: long, kind: 'file' },
    { ...plain, name: 'link', kind: 'link', target: `../${long}` },
  ]
  const bytes = archive(entries.map((entry) => ({ entry, bytes: Buffer.alloc(0) })))
  const listed = execFileSync('tar', ['-tvf', '-', '--numeric-owner'], {
    input: bytes,
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
  })
  assert.match(listed, /^drwxr-x--- 0\/0 +0 2023-11-14 22:13 folder\/\n/)
  assert.ok(listed.includes(` ${long}\n`))
  assert.ok(listed.includes(`link -> ../${long}\n`))
  const large = tarHeader({ ...plain, name: 'x', kind: 'file', sizeBytes: 12e9 })
  assert.match(spawnSync('tar', ['-tvf', '-'], { input: large, encoding: 'utf8' }).stdout, / 12000000000 /)
})

test('what tar(1) writes is read here, in each of its formats', () => {
  for (const format of ['gnu', 'ustar', 'pax', 'v7']) {
    const script =
      'd=$(mktemp -d) && cd $d && mkdir -m 700 f && printf abc >f/x && ln f/x f/y && ln -s x f/z && tar --sort=name --format=$0 -cf - ./f; rm -r $d'
    const found = read(execFileSync('sh', ['-c', script, format]))
    assert.deepEqual(
      found.map(({ entry: { name: own, kind, target }, bytes }) => [own, kind, target, bytes.toString()]),
      [
        ['./f/', 'folder', '', ''],
        ['./f/x', 'file', '', 'abc'],
        ['./f/y', 'hardlink', './f/x', ''],
        ['./f/z', 'link', 'x', ''],
      ],
      format,
    )
  }
  const long = 'x'.repeat(200)
  const script = 'd=$(mktemp -d) && cd $d && printf abc >$1 && ln -s $1 link && tar --sort=name --format=$0 -cf - .; rm -r $d'
  for (const format of ['gnu', 'pax']) {
    const found = read(execFileSync('sh', ['-c', script, format, long]))
    assert.deepEqual(
      found.map(({ entry }) => [entry.name, entry.target]),
      [
        ['./', ''],
        ['./link', long],
        [`./${long}`, ''],
      ],
    )
  }
})

test('what is cut off, or no archive, is refused', () => {
  const whole = archive([{ entry: { ...plain, name: 'x', kind: 'file', sizeBytes: 3 }, bytes: Buffer.from('abc') }])
  for (const end of [0, 100, 512, 514, 1024]) assert.throws(() => read(whole.subarray(0, end)), /cut off/, String(end))
  assert.throws(() => read(Buffer.alloc(1024, 'x')), /not an archive/)
  assert.throws(() => read(Buffer.concat([longExtra(1e9), tarEnd])), /too long/)
})

test('whatever comes is read or refused', () => {
  const hostile = fc
    .tuple(fc.uint8Array({ minLength: 512, maxLength: 512 }), fc.constantFrom('x', 'L', '0', '5'))
    .map(([bytes, type]) => {
      const block = Buffer.from(bytes)
      block.write(type, 156)
      let sum = 0
      for (const [at, byte] of block.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte
      block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
      return block
    })
  fc.assert(
    fc.property(fc.array(hostile, { maxLength: 4 }), (blocks) => {
      try {
        read(Buffer.concat([...blocks, tarEnd]))
      } catch (error) {
        assert.equal((error as Error).name, 'Failure')
      }
    }),
  )
})

function longExtra(sizeBytes: number): Buffer {
  const header = tarHeader({ ...plain, name: 'x', kind: 'file', sizeBytes })
  header.write('L', 156)
  let sum = 0
  for (const [at, byte] of header.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}
