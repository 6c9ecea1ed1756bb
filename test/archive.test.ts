// A VM as one file, and back: what goes through it, and what is refused of archives that somebody hostile wrote.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Failure, fullMessage } from '../src/core/errors.js'
import { tarEnd, tarHeader, tarPadding } from '../src/guest/tar.js'
import { findPlace, type Outside } from '../src/host/place.js'
import { archiveVm } from '../src/vm/archive/exportfile.js'
import { importFrom } from '../src/vm/archive/importany.js'
import { importArchive } from '../src/vm/archive/importfile.js'
import { writeArchiveFile } from '../src/vm/archive/target.js'
import { newDrive } from '../src/vm/drive/drives.js'
import { readRecord } from '../src/vm/record/record.js'
import { openVm, type Vm } from '../src/vm/record/vm.js'
import { descriptorSink } from '../src/sys/filter.js'

const folder = fs.mkdtempSync(path.join(process.env['TMPDIR'] ?? '/tmp', 'nbsvm-archive-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const environment = { NBSVM_HOME: folder }
const place = findPlace(environment, false, folder)
const outside: Outside = { place, environment, vmClass: undefined, line: {} }
const open = (name: string, line: Outside['line'] = {}): Promise<Vm> => openVm(name, { ...outside, line })
const imageOf = (id: string): string => path.join(place.drives, `nbsvm-${id}-0.qcow2`)
const mib = 2 ** 20

async function* pieces(bytes: Buffer, size = 100_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function archived(vm: Vm): Promise<Buffer> {
  const parts: Buffer[] = []
  await archiveVm(vm, { write: async (bytes) => void parts.push(Buffer.from(bytes)) })
  return Buffer.concat(parts)
}

async function take(name: string, bytes: Buffer, isSame = false): Promise<string[]> {
  const notes: string[] = []
  const note = (text: string): void => void notes.push(text)
  await importArchive(await open(name), { outside, input: pieces(bytes), from: 'a test', isSame, note })
  return notes
}

/** What a guest would see of a drive. */
function seen(id: string): string {
  const flat = path.join(folder, 'flat')
  execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', imageOf(id), flat])
  const hex = createHash('sha256').update(fs.readFileSync(flat)).digest('hex')
  fs.rmSync(flat)
  return hex
}

/** All that is there, but for locks that stay. */
function everything(): string[] {
  const all = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return all.filter((name) => !/(^|\/)(\.lock|\.layers|lock|\.host\.json.*|\.moves)$/.test(name)).toSorted()
}

let whole: Buffer
let all: Member[]

before(async () => {
  const vm = await open('web', { drive_size: '64M', mem: '300', smp: '2', args: '-device x', forward: '8080:80' })
  await newDrive(vm)
  execFileSync('qemu-io', [
    '-f',
    'qcow2',
    '-c',
    'write -q -P 7 1M 3M',
    '-c',
    'write -q -P 9 40M 64k',
    '-c',
    'write -q -P 5 63M 1M',
    imageOf('web'),
  ])
  fs.mkdirSync(path.join(place.records, 'web/tpm'))
  fs.writeFileSync(path.join(place.records, 'web/tpm/tpm2-00.permall'), 'sealed')
  fs.writeFileSync(path.join(place.records, 'web/ssh_key'), 'secret')
  const raw = path.join(folder, 'vars.raw')
  fs.writeFileSync(raw, Buffer.alloc(528 * 1024, 'vars'))
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path.join(place.records, 'web/nvram-uefi.qcow2')])
  fs.rmSync(raw)
  whole = await archived(vm)
  all = membersOf(whole)
})

describe('an archive', () => {
  it('holds what the guest sees, and becomes another VM', async () => {
    const notes = await take('copy', whole)
    assert.equal(seen('copy'), seen('web'))
    const [own, other] = [readRecord(place, 'web'), readRecord(place, 'copy')]
    assert.notEqual(own?.uuid, other?.uuid)
    assert.notEqual(own?.macs[0], other?.macs[0])
    const beside = fs.readdirSync(path.join(place.records, 'copy')).toSorted()
    assert.deepEqual(beside, ['machine.json', 'nvram-uefi.qcow2'])
    const said = notes.join('\n')
    assert.match(said, /left out.*forward=8080:80; args=-device x/)
    assert.match(said, /its TPM held is left out/)
    assert.equal(fs.readFileSync(path.join(folder, 'config/copy.vm'), 'utf8'), 'mem=300\nsmp=2\n')
    const { place: where } = await open('copy')
    const bytes = execFileSync('qemu-img', [
      'dd',
      '-f',
      'qcow2',
      '-O',
      'raw',
      `if=${where.records}/copy/nvram-uefi.qcow2`,
      `of=${folder}/out`,
    ])
    assert.equal(bytes.toString(), '')
    assert.ok(fs.readFileSync(`${folder}/out`).equals(Buffer.alloc(528 * 1024, 'vars')))
    fs.rmSync(`${folder}/out`)
  })

  it('is the very same VM where that is asked for, and where it is gone here', async () => {
    await assert.rejects(take('twin', whole, true), /this very VM is here already, as web/)
    const aside = path.join(folder, 'aside')
    fs.renameSync(path.join(place.records, 'web'), aside)
    await take('twin', whole, true)
    fs.renameSync(aside, path.join(place.records, 'web'))
    assert.equal(readRecord(place, 'twin')?.uuid, readRecord(place, 'web')?.uuid)
    assert.notEqual(readRecord(place, 'twin')?.generation, readRecord(place, 'web')?.generation)
    assert.equal(fs.readFileSync(path.join(place.records, 'twin/tpm/tpm2-00.permall'), 'utf8'), 'sealed')
    assert.equal(fs.readFileSync(path.join(place.records, 'twin/ssh_key'), 'utf8'), 'secret')
    assert.match(fs.readFileSync(path.join(folder, 'config/twin.vm'), 'utf8'), /forward=\(8080:80\)/)
  })

  it('is what tar unpacks: the drive as a sparse file', () => {
    const at = path.join(folder, 'unpacked')
    fs.mkdirSync(at)
    execFileSync('tar', ['-xS', '-C', at], { input: whole })
    const drive = fs.statSync(path.join(at, 'drive-0.raw'))
    assert.equal(drive.size, 64 * mib)
    assert.ok(drive.blocks * 512 < 8 * mib)
    const hex = createHash('sha256')
      .update(fs.readFileSync(path.join(at, 'drive-0.raw')))
      .digest('hex')
    assert.equal(hex, seen('web'))
    fs.rmSync(at, { recursive: true })
  })

  it('has its name when it is whole, and takes nobody else its own', async () => {
    const file = path.join(folder, 'web.vm')
    fs.writeFileSync(path.join(folder, '.old.vm.nbsvm-part'), 'of one that was killed')
    const write = (fd: number): Promise<void> => descriptorSink(fd).write(Buffer.from('all'))
    await writeArchiveFile(file, 'export web', write)
    await assert.rejects(writeArchiveFile(file, 'export web', write), /is there already/)
    await assert.rejects(
      writeArchiveFile(path.join(folder, 'other.vm'), 'export web', () => Promise.reject(new Failure('full'))),
      /full/,
    )
    assert.equal(fs.readFileSync(file, 'utf8'), 'all')
    assert.equal(fs.statSync(file).mode & 0o777, 0o600)
    assert.deepEqual(
      fs.readdirSync(folder).filter((name) => name.includes('part') || name.endsWith('.vm')),
      ['web.vm'],
    )
    fs.rmSync(file)
  })
})

interface Member {
  readonly name: string
  readonly bytes: Buffer
  /** Of a sparse file. */
  readonly real?: number
}

/** Takes an archive apart, as one reads it who trusts it. */
function membersOf(bytes: Buffer): Member[] {
  const found: Member[] = []
  let [at, real] = [0, 0]
  while (bytes[at] !== 0) {
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 135), 8)
    const content = bytes.subarray(at + 512, at + 512 + size)
    if (bytes[at + 156] === 0x78) real = Number(/realsize=(\d+)/.exec(content.toString('latin1'))?.[1])
    else {
      const name = bytes
        .toString('latin1', at, at + 100)
        .replace(/\0.*$/s, '')
        .replace('GNUSparseFile.0/', '')
      found.push({ name, bytes: content, ...(real > 0 ? { real } : {}) })
      real = 0
    }
    at += 512 + Math.ceil(size / 512) * 512
  }
  return found
}

interface Written {
  readonly header?: (bytes: Buffer) => Buffer
  readonly records?: Readonly<Record<string, string>>
}

/** Puts one together again, each header and digest right unless it is made wrong. */
function put(members: readonly Member[], how: Readonly<Record<string, Written>> = {}): Buffer {
  const parts = members.map(({ name, bytes, real }) => {
    const { header = (same: Buffer) => same, records = {} } = how[name] ?? {}
    const sparse = {
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.name': name,
      'GNU.sparse.realsize': String(real),
    }
    const entry = { kind: 'file', mode: 0o600, uid: 0, gid: 0, mtimeSeconds: 0, sizeBytes: bytes.length, target: '' } as const
    const head =
      real === undefined
        ? tarHeader({ ...entry, name }, records)
        : tarHeader({ ...entry, name: `GNUSparseFile.0/${name}` }, { ...sparse, ...records })
    return Buffer.concat([header(head), bytes, tarPadding(bytes.length)])
  })
  return Buffer.concat([...parts, tarEnd])
}

/** The same with digests that are right. */
function sealed(members: readonly Member[], how: Readonly<Record<string, Written>> = {}): Buffer {
  const digests = Object.fromEntries(members.map(({ name, bytes }) => [name, createHash('sha256').update(bytes).digest('hex')]))
  return put([...members, { name: 'digests.json', bytes: Buffer.from(JSON.stringify({ sha256: digests })) }], how)
}

const body = (): Member[] => all.filter(({ name }) => name !== 'digests.json')
const drive = (): Member => body().find(({ name }) => name === 'drive-0.raw') ?? { name: '', bytes: Buffer.alloc(0) }
const without = (name: string): Member[] => body().filter((one) => one.name !== name)
const withMember = (name: string, change: Partial<Member>, members = body()): Member[] =>
  members.map((one) => (one.name === name ? Object.assign({}, one, change) : one))
const withBytes = (name: string, bytes: Buffer): Member[] => withMember(name, { bytes })

/** What is changed at will. */
// oxlint-disable-next-line typescript/no-explicit-any
type Loose = Record<string, any>

/** With another manifest. */
function manifested(change: (manifest: Loose) => unknown): Member[] {
  const first = body()[0]
  const manifest = JSON.parse(first?.bytes.toString() ?? '') as Loose
  const changed = change(manifest) ?? manifest
  return withBytes('manifest.json', Buffer.from(JSON.stringify(changed)))
}

/** A drive whose map says that, in front of this much data. */
function mapped(numbers: readonly (number | string)[], dataBytes = 0): Member[] {
  const text = `${numbers.join('\n')}\n`
  const map = Buffer.alloc(Math.ceil(text.length / 512) * 512)
  map.write(text)
  const members = manifested((manifest) => void (manifest['drives'][0].dataBytes = dataBytes))
  return withMember('drive-0.raw', { bytes: Buffer.concat([map, Buffer.alloc(dataBytes, 1)]) }, members)
}

/** A header of a kind, with a sum that is right. */
function typed(type: string, target = ''): (head: Buffer) => Buffer {
  return (head) => {
    const changed = Buffer.from(head)
    changed.write(type, changed.length - 512 + 156, 'latin1')
    changed.write(target, changed.length - 512 + 157, 'latin1')
    return summed(changed)
  }
}

function summed(head: Buffer): Buffer {
  const block = head.subarray(head.length - 512)
  block.write(' '.repeat(8), 148)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return head
}

const renamed = (name: string, to: string): Member[] => withMember(name, { name: to })
const flipped = (at: number): Buffer => {
  const bytes = Buffer.from(whole)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes
}

const hostile: Readonly<Record<string, readonly [() => Buffer, RegExp]>> = {
  'nothing at all': [() => Buffer.alloc(0), /nothing came/],
  'cut in a header': [() => whole.subarray(0, 300), /ends in the midst/],
  'cut in the manifest': [() => whole.subarray(0, 700), /ends in the midst/],
  'cut in a drive': [() => whole.subarray(0, whole.length - mib), /ends in the midst/],
  'cut before its digests': [() => put(body()), /digests are missing/],
  'cut within its end': [() => whole.subarray(0, whole.length - 700), /ends in the midst/],
  'something after its end': [() => Buffer.concat([whole, Buffer.from('more')]), /something follows/],
  'a bit of a drive flipped': [() => flipped(whole.length - 500_000), /digest is another/],
  'a bit of the manifest flipped': [() => flipped(whole.indexOf('"atMs": 1') + 12), /digest is another|manifest/],
  'a bit of a header flipped': [() => flipped(3), /header is damaged/],
  'digests of something else': [
    () => put([...body(), { name: 'digests.json', bytes: Buffer.from(JSON.stringify({ sha256: { 'manifest.json': 'x' } })) }]),
    /digest is another/,
  ],
  'digests that are none': [() => put([...body(), { name: 'digests.json', bytes: Buffer.from('[') }]), /digests are none/],
  'a member after its digests': [() => put([...all, { name: 'more', bytes: Buffer.alloc(1) }]), /something follows/],
  'an absolute name': [() => sealed(renamed('ssh_key', '/etc/passwd')), /called "\/etc\/passwd"/],
  'a name that leads up': [() => sealed(renamed('ssh_key', '../../x')), /called "\.\.\/\.\.\/x"/],
  'a file that is none of a VM': [
    () =>
      sealed(
        withMember(
          'ssh_key',
          { name: 'machine.json' },
          manifested((one) => void (one['files'] = ['machine.json'])),
        ),
      ),
    /files is not/,
  ],
  'a symbolic link': [() => sealed(body(), { ssh_key: { header: typed('2', '/etc/shadow') } }), /a link, or a folder/],
  'a hard link': [() => sealed(body(), { ssh_key: { header: typed('1', 'manifest.json') } }), /a link, or a folder/],
  'a device': [() => sealed(body(), { ssh_key: { header: typed('3') } }), /a link, or a folder/],
  'a long name of GNU': [() => sealed(body(), { ssh_key: { header: typed('L') } }), /a link, or a folder/],
  'two of one name': [() => sealed([...body(), drive()]), /twice/],
  'members in another order': [() => sealed([body()[0] as Member, drive(), ...without('drive-0.raw').slice(1)]), /is missing/],
  'no manifest': [() => sealed(without('manifest.json')), /begin with a manifest/],
  'a manifest without end': [() => sealed(withBytes('manifest.json', Buffer.alloc(2 * mib, ' '))), /too long/],
  'a manifest that is no object': [() => sealed(manifested(() => ['archive'])), /manifest is none/],
  'a manifest of nobody': [() => sealed(manifested((one) => ({ ...one, nbsvm: 1 }))), /manifest is none/],
  'a version of the future': [() => sealed(manifested((one) => void (one['format'] = 99))), /newer nbsvm/],
  'a version that is none': [() => sealed(manifested((one) => void (one['format'] = '1'))), /has no format/],
  'a record that is wrong': [() => sealed(manifested((one) => void (one['record'].uuid = '../x'))), /uuid/],
  'a processor with words of its own': [
    () => sealed(manifested((one) => void (one['record'].cpu = { tcg: 'max -drive file=/x' }))),
    /no processor/,
  ],
  'a setting that is wrong': [() => sealed(manifested((one) => void (one['settings'].mem = 'much'))), /setting mem/],
  'drives that are no list': [() => sealed(manifested((one) => void (one['drives'] = { 0: 1 }))), /drives is not a list/],
  'a drive without end': [
    () => sealed(manifested((one) => void (one['drives'][0].virtualBytes = 2 ** 53 - 512))),
    /drives is not/,
  ],
  'a drive of half a sector': [() => sealed(manifested((one) => void (one['drives'][0].virtualBytes = 700))), /drives is not/],
  'a thousandth drive': [() => sealed(manifested((one) => void (one['drives'][0].number = 999))), /drives is not/],
  'a drive under the name of another': [
    () => sealed(manifested((one) => void (one['drives'][0].member = '../drive'))),
    /drives is not/,
  ],
  'a drive of another size': [
    () => sealed(body(), { 'drive-0.raw': { records: { 'GNU.sparse.realsize': String(2 ** 40) } } }),
    /as large as/,
  ],
  'a size that is negative': [
    () => sealed(body(), { 'drive-0.raw': { records: { 'GNU.sparse.realsize': '-1' } } }),
    /size is none/,
  ],
  'a map of another version': [() => sealed(body(), { 'drive-0.raw': { records: { 'GNU.sparse.minor': '1' } } }), /not known/],
  'a header of pax that says more': [
    () => sealed(body(), { 'drive-0.raw': { records: { path: '/etc/passwd' } } }),
    /says "path"/,
  ],
  'a map of very many parts': [() => sealed(mapped([999_999_999, ...Array.from({ length: 50 }, () => 0)])), /parts/],
  'a map of parts that overlap': [() => sealed(mapped([2, 0, 1024, 512, 1024], 2048)), /overlap/],
  'a map that goes back': [() => sealed(mapped([2, 4096, 512, 0, 512], 1024)), /overlap/],
  'a map that leads beyond the end': [() => sealed(mapped([1, 64 * mib - 512, 1024], 1024)), /beyond/],
  'a map with other words': [() => sealed(mapped([1, '0x10', 512], 512)), /numbers/],
  'a map with a number without end': [() => sealed(mapped(['9'.repeat(400)])), /numbers/],
  'a map of more than there is': [() => sealed(mapped([1, 0, 1024], 512)), /does not hold/],
  'variables of no size': [() => sealed(withBytes('nvram-uefi.raw', Buffer.alloc(100))), /variables of its UEFI/],
  'a disk image in its place': [() => sealed(withBytes('manifest.json', Buffer.from('QFI\u00fb'))), /manifest is none/],
}

describe('of a hostile archive nothing stays', () => {
  for (const [what, [make, why]] of Object.entries(hostile)) {
    it(what, async () => {
      const there = everything()
      await assert.rejects(take('bad', make()), (error: unknown) => {
        assert.ok(error instanceof Failure, String(error))
        assert.match(fullMessage(error), why)
        return true
      })
      assert.deepEqual(everything(), there)
    })
  }

  it('a bomb is bounded: zstd with a window of gigabytes, and zeros without end', async () => {
    const there = everything()
    const zeros = execFileSync('sh', ['-c', 'head -c 300M /dev/zero | zstd -q -c --ultra --long=31'], { maxBuffer: 64 * mib })
    await assert.rejects(take('bad', zeros), /zstd failed|not an archive of tar/)
    const many = execFileSync('sh', ['-c', 'head -c 300M /dev/zero | zstd -q -c'], { maxBuffer: 64 * mib })
    await assert.rejects(take('bad', many), /something follows its end|manifest/)
    assert.deepEqual(everything(), there)
  })

  it('a VM that is there is not touched, and a name that is busy stays free', async () => {
    const there = everything()
    await assert.rejects(take('web', whole), { code: 'VM_EXISTS' })
    const stop = new AbortController()
    async function* endless(): AsyncGenerator<Buffer> {
      yield whole.subarray(0, whole.length - mib)
      stop.abort(new Error('enough'))
      await new Promise(() => {})
    }
    const waiting = importArchive(await open('bad'), {
      outside,
      input: endless(),
      from: 'a test',
      isSame: false,
      signal: stop.signal,
    })
    await assert.rejects(waiting, /enough/)
    assert.deepEqual(everything(), there)
  })
})

describe('images of others', () => {
  const at = (name: string): string => path.join(folder, name)
  const bring = async (name: string, file: string): Promise<string[]> => {
    const notes: string[] = []
    await importFrom(await open(name), { file }, { outside, isSame: false, note: (text) => void notes.push(text) })
    return notes
  }

  before(() => {
    execFileSync('qemu-img', ['convert', '-O', 'raw', imageOf('web'), at('disk.raw')])
    for (const format of ['vmdk', 'vdi', 'vhdx', 'qcow2', 'vpc'])
      execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', format, at('disk.raw'), at(`disk.${format}`)])
  })

  for (const format of ['raw', 'qcow2', 'vmdk', 'vdi', 'vhdx', 'vpc']) {
    it(`takes ${format} for what its bytes say`, async () => {
      await bring(`from-${format}`, at(`disk.${format}`))
      const made = [`nbsvm-from-${format}-0.qcow2`, `nbsvm-from-${format}-0.raw`]
        .map((name) => path.join(place.drives, name))
        .find((file) => fs.existsSync(file))
      const said = execFileSync('qemu-img', ['compare', '-p', '-F', 'raw', made ?? '', at('disk.raw')], { encoding: 'utf8' })
      assert.match(said, /identical/)
    })
  }

  it('refuses those that name other files', async () => {
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', at('disk.raw'), '-F', 'raw', at('overlay.img')])
    execFileSync('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      `data_file=${at('data')},data_file_raw=on`,
      at('split.img'),
      '1M',
    ])
    execFileSync('qemu-img', ['create', '-q', '-f', 'vmdk', '-o', 'subformat=monolithicFlat', at('flat.vmdk'), '1M'])
    fs.writeFileSync(at('json.img'), fs.readFileSync(at('overlay.img')))
    execFileSync('qemu-img', [
      'rebase',
      '-u',
      '-f',
      'qcow2',
      '-F',
      'raw',
      '-b',
      'json:{"driver":"file","filename":"/etc/passwd"}',
      at('json.img'),
    ])
    const there = everything()
    for (const name of ['overlay.img', 'split.img', 'flat.vmdk', 'json.img'])
      await assert.rejects(bring('bad', at(name)), /refers to other files/, name)
    fs.writeFileSync(at('text.img'), 'not a disk at all\n'.repeat(1000))
    await assert.rejects(bring('bad', at('text.img')), /a text file/)
    fs.rmSync(at('text.img'))
    assert.deepEqual(everything(), there)
  })

  it('takes an OVA: its disk, its hardware, its digests', async () => {
    execFileSync('qemu-img', [
      'convert',
      '-f',
      'raw',
      '-O',
      'vmdk',
      '-o',
      'subformat=streamOptimized',
      at('disk.raw'),
      at('disk1.vmdk'),
    ])
    const disk = fs.readFileSync(at('disk1.vmdk'))
    const ova = (text: string, list = digestsFor(text, disk), name = 'disk1.vmdk'): Buffer =>
      put([
        { name: 'box.ovf', bytes: Buffer.from(text) },
        { name: 'box.mf', bytes: Buffer.from(list) },
        { name, bytes: disk },
      ])
    fs.writeFileSync(at('box.ova'), ova(ovf))
    const notes = await bring('box', at('box.ova'))
    assert.match(notes.join('\n'), /1 further network cards.*SCSI controller/)
    assert.equal(
      fs.readFileSync(path.join(folder, 'config/box.vm'), 'utf8'),
      'mem=768M\nsmp=2\nfirmware=uefi\ndrive_if=sata\nnet_if=e1000\n',
    )
    assert.equal(seen('box'), seen('web'))
    const there = everything().filter((name) => name !== 'bad.ova')
    for (const [bytes, why] of [
      [ova(ovf, digestsFor(ovf, Buffer.from('x'))), /digest is another/],
      [ova(ovf.replace('disk1.vmdk', '../disk1.vmdk')), /not in it/],
      [ova(ovf, '', '../disk1.vmdk'), /called "\.\.\/disk1\.vmdk"/],
      [ova(`<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>${ovf}`), /not XML/],
      [ova(ovf.replace('<VirtualQuantity>2<', '<VirtualQuantity>&a;<')), /entity/],
      [ova(ovf.replace('ovf:/disk/d1', 'file:///etc/passwd')), /no disk/],
      [ova(`${ovf}<`), /not XML/],
      [ova(ovf).subarray(0, 60_000), /cut off/],
    ] as const) {
      fs.writeFileSync(at('bad.ova'), bytes)
      await assert.rejects(bring('bad', at('bad.ova')), why)
      fs.rmSync(at('bad.ova'))
      assert.deepEqual(everything(), there)
    }
  })
})

function digestsFor(text: string, disk: Buffer): string {
  const hex = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')
  return `SHA256(box.ovf)= ${hex(text)}\nSHA256(disk1.vmdk)= ${hex(disk)}\n`
}

const item = (type: number, id: number, rest: string): string =>
  `<Item><rasd:InstanceID>${id}</rasd:InstanceID><rasd:ResourceType>${type}</rasd:ResourceType>${rest}</Item>`

const ovf = `<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="r" xmlns:vmw="v">
  <References><File ovf:id="f1" ovf:href="disk1.vmdk" ovf:size="1"/></References>
  <DiskSection><Disk ovf:diskId="d1" ovf:fileRef="f1" ovf:capacity="64" ovf:capacityAllocationUnits="byte * 2^20"/></DiskSection>
  <VirtualSystem ovf:id="box"><Name>a &amp; b</Name><VirtualHardwareSection>
    ${item(3, 1, '<VirtualQuantity>2</VirtualQuantity>')}
    ${item(4, 2, '<VirtualQuantity>768</VirtualQuantity><AllocationUnits>MegaBytes</AllocationUnits>')}
    ${item(6, 3, '<ResourceSubType>lsilogic</ResourceSubType>')}
    ${item(17, 4, '<Parent>3</Parent><AddressOnParent>0</AddressOnParent><HostResource>ovf:/disk/d1</HostResource>')}
    ${item(10, 5, '<ResourceSubType>E1000</ResourceSubType>')}
    ${item(10, 6, '<ResourceSubType>E1000</ResourceSubType>')}
    <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="efi"/>
  </VirtualHardwareSection></VirtualSystem>
</Envelope>`
