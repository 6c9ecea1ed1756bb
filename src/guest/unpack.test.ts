// What a guest sends, honest or not, made into files of the host.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { moveInto, TreeWriter } from '../sys/treewriter.js'
import { tarEnd, tarHeader, tarPadding, type TarEntry } from './tar.js'
import { staysIn, unpacker } from './unpack.js'

const folder = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-unpack-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const plain = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 1_700_000_000, sizeBytes: 0, target: '' }
type Part = Partial<TarEntry> & Pick<TarEntry, 'name' | 'kind'> & { readonly text?: string }

let count = 0

/** Unpacks into a new folder, where the tree is called `top`; returns the folder and what was left out. */
function unpack(parts: readonly Part[]): { at: string; links: number; others: number } {
  const at = path.join(folder, String(++count))
  fs.mkdirSync(at)
  const writer = new TreeWriter(at)
  try {
    const { reader, leftOut } = unpacker(writer, 'top')
    for (const { text = '', ...part } of parts) {
      reader.push(tarHeader({ ...plain, sizeBytes: text.length, ...part }))
      reader.push(Buffer.concat([Buffer.from(text), tarPadding(text.length)]))
    }
    reader.push(tarEnd)
    reader.end()
    writer.finish()
    moveInto(writer.at('top'), path.join(at, 'top'))
    writer.closeFolders()
    return { at, ...leftOut }
  } finally {
    writer.remove()
  }
}

/** Everything below a folder, with what it is. */
function listed(at: string): string[] {
  return fs
    .readdirSync(at, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const stats = fs.lstatSync(path.join(at, name))
      const kind = stats.isSymbolicLink() ? `-> ${fs.readlinkSync(path.join(at, name))}` : (stats.mode & 0o7777).toString(8)
      return `${name} ${kind}`
    })
    .toSorted()
}

test('a tree is made as it was, under its own name here: modes, times, links', () => {
  const { at, links } = unpack([
    { name: './site', kind: 'folder', mode: 0o550 },
    { name: './site/a', kind: 'file', mode: 0o640, text: 'abc' },
    { name: './site/b', kind: 'hardlink', target: './site/a' },
    { name: './site/sub', kind: 'folder', mode: 0o4755 },
    { name: './site/sub/up', kind: 'link', target: '../a' },
  ])
  assert.equal(links, 0)
  assert.deepEqual(listed(at), ['top 550', 'top/a 640', 'top/b 640', 'top/sub 755', 'top/sub/up -> ../a'])
  assert.equal(fs.readFileSync(path.join(at, 'top/b'), 'utf8'), 'abc')
  assert.equal(fs.statSync(path.join(at, 'top/a')).mtimeMs, 1_700_000_000_000)
  fs.chmodSync(path.join(at, 'top'), 0o755)
})

test('a name that is not UTF-8 keeps its bytes', () => {
  const { at } = unpack([
    { name: 'x', kind: 'folder', mode: 0o755 },
    { name: 'x/caf\u00E9', kind: 'file' },
  ])
  assert.deepEqual(fs.readdirSync(path.join(at, 'top'), 'latin1'), ['caf\u00E9'])
})

test('no name leads out of the tree, and nothing is left of what was refused', () => {
  const top: Part = { name: 'x', kind: 'folder', mode: 0o755 }
  const hostile: Part[][] = [
    [{ name: '../x', kind: 'file' }],
    [{ name: '/etc/x', kind: 'file' }],
    [top, { name: 'x/../../y', kind: 'file' }],
    [top, { name: 'x/./y', kind: 'file' }],
    [top, { name: 'x//y', kind: 'file' }],
    [top, { name: 'other/y', kind: 'file' }],
    [top, { name: 'x/no/y', kind: 'file' }],
    [top, { name: 'x/y', kind: 'hardlink', target: '/etc/passwd' }],
    [top, { name: 'x/y', kind: 'hardlink', target: 'x/none' }],
    [top, { name: 'x/y', kind: 'link', target: '.' }, { name: 'x/y/z', kind: 'file', text: 'x' }],
    [top, { name: 'x/y', kind: 'link', target: 'z' }, { name: 'x/y', kind: 'folder' }],
    [top, { name: 'x', kind: 'file', text: 'x' }],
  ]
  for (const parts of hostile) {
    assert.throws(() => unpack(parts), { name: 'Failure' }, JSON.stringify(parts))
    assert.deepEqual(fs.readdirSync(path.join(folder, String(count))), [], JSON.stringify(parts))
  }
})

test('whoever exchanges the folder in which it is made, or the one that it is for, leads nothing elsewhere', () => {
  const at = path.join(folder, 'exchanged')
  const victim = path.join(folder, 'victim')
  for (const made of [at, victim, path.join(victim, 'top')]) fs.mkdirSync(made)
  const writer = new TreeWriter(at)
  const { reader } = unpacker(writer, 'top')
  reader.push(tarHeader({ ...plain, name: 'x', kind: 'folder', mode: 0o055 }))
  const [made = ''] = fs.readdirSync(at)
  fs.renameSync(path.join(at, made), path.join(at, 'mine'))
  fs.symlinkSync(victim, path.join(at, made))
  reader.push(tarHeader({ ...plain, name: 'x/file', kind: 'file' }))
  reader.push(tarEnd)
  writer.finish()
  fs.renameSync(at, `${at}.moved`)
  fs.symlinkSync(victim, at)
  moveInto(writer.at('top'), path.join(writer.beside, 'top'))
  writer.closeFolders()
  writer.remove()
  assert.deepEqual(fs.readdirSync(victim, { recursive: true }), ['top'])
  assert.equal(fs.statSync(path.join(victim, 'top')).mode & 0o777, 0o777 & ~process.umask())
  assert.equal(fs.statSync(path.join(`${at}.moved`, 'top')).mode & 0o777, 0o055)
  fs.chmodSync(path.join(`${at}.moved`, 'top'), 0o700)
  assert.deepEqual(fs.readdirSync(path.join(`${at}.moved`, 'top')), ['file'])
})

test('links that lead out, devices and pipes are left out and counted', () => {
  const { at, links, others } = unpack([
    { name: 'x', kind: 'folder', mode: 0o755 },
    { name: 'x/absolute', kind: 'link', target: '/etc/passwd' },
    { name: 'x/out', kind: 'link', target: '../../y' },
    { name: 'x/device', kind: 'other' },
    { name: 'x/in', kind: 'link', target: './sub/../../x/y' },
    { name: 'x/good', kind: 'link', target: 'sub/y' },
  ])
  assert.deepEqual([links, others], [3, 1])
  assert.deepEqual(listed(at), ['top 755', 'top/good -> sub/y'])
})

test('another name of a link is looked at where it stands; one of what was left out is left out too', () => {
  const { at, links, others } = unpack([
    { name: 'x', kind: 'folder', mode: 0o755 },
    { name: 'x/a', kind: 'folder', mode: 0o755 },
    { name: 'x/a/up', kind: 'link', target: '../file' },
    { name: 'x/a/same', kind: 'hardlink', target: 'x/a/up' },
    { name: 'x/up', kind: 'hardlink', target: 'x/a/same' },
    { name: 'x/out', kind: 'link', target: '/etc/passwd' },
    { name: 'x/out too', kind: 'hardlink', target: 'x/out' },
    { name: 'x/device', kind: 'other' },
    { name: 'x/device too', kind: 'hardlink', target: 'x/device' },
    // A file in its place, and the name is that of a file.
    { name: 'x/out', kind: 'file', text: 'abc' },
    { name: 'x/file', kind: 'hardlink', target: 'x/out' },
  ])
  assert.deepEqual([links, others], [3, 2])
  assert.deepEqual(listed(at), [
    'top 755',
    'top/a 755',
    'top/a/same -> ../file',
    'top/a/up -> ../file',
    'top/file 644',
    'top/out 644',
  ])
})

test('a link that is taken leads nowhere outside, through however many others', () => {
  const target = fc.array(fc.constantFrom('..', 'a', 'b', 'link'), { minLength: 1, maxLength: 5 }).map((steps) => steps.join('/'))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('top/a', 'top/b', 'top/a/b', 'top/link'), target), { maxLength: 4 }),
      (links) => {
        const taken = new Map(links.filter(([name, to]) => staysIn(name, to)))
        for (const [name] of taken) assert.ok(isInside(name, taken), JSON.stringify([...taken]))
      },
    ),
    { numRuns: 2000 },
  )
})

/** Follows a path as the kernel does; whether it stays below `top`. Too many links lead nowhere. */
function isInside(start: string, links: ReadonlyMap<string, string>): boolean {
  let at: string[] = []
  let left = start.split('/')
  for (let steps = 0; left.length > 0; steps++) {
    if (steps > 200) return true
    const [step = '', ...others] = left
    left = others
    if (step === '..') {
      at = at.slice(0, -1)
      if (at.length === 0) return false
      continue
    }
    const target = links.get([...at, step].join('/'))
    if (target === undefined) at = [...at, step]
    else left = [...target.split('/'), ...left]
  }
  return at[0] === 'top'
}

test('what is there already: a folder takes in what is new, a file is replaced, a folder never by a file', () => {
  const at = path.join(folder, 'there')
  fs.mkdirSync(path.join(at, 'to/sub'), { recursive: true })
  fs.mkdirSync(path.join(at, 'from/sub/new'), { recursive: true })
  fs.writeFileSync(path.join(at, 'to/sub/kept'), 'kept')
  fs.writeFileSync(path.join(at, 'to/file'), 'old')
  fs.writeFileSync(path.join(at, 'from/file'), 'new')
  fs.symlinkSync('/etc', path.join(at, 'to/link'))
  fs.mkdirSync(path.join(at, 'from/link'))
  assert.throws(
    () => moveInto(path.join(at, 'from'), path.join(at, 'to')),
    /link is no folder, and what would take its place is one/,
  )
  assert.equal(fs.readFileSync(path.join(at, 'to/file'), 'utf8'), 'old')
  fs.rmdirSync(path.join(at, 'from/link'))
  moveInto(path.join(at, 'from'), path.join(at, 'to'))
  assert.equal(fs.readFileSync(path.join(at, 'to/file'), 'utf8'), 'new')
  assert.deepEqual(fs.readdirSync(path.join(at, 'to/sub')).toSorted(), ['kept', 'new'])
})
