// The images of the row `images`, each by what is wrong with it.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'

/** Stands in a file of the host that no drive may have a byte of. */
export const secret = 'the-host-keeps-this-to-itself\n'

export interface BadImage {
  readonly name: string
  readonly make: (file: string, secretFile: string) => void
  /** It harms nobody, so it may as well be taken: what counts is time, memory and what leaks. */
  readonly mayBeTaken?: boolean
}

const img = (...words: readonly string[]): void => void execFileSync('qemu-img', words, { stdio: 'ignore' })

/** A good qcow2 of 4 MB with something in it. */
function good(file: string, options = 'compat=1.1'): Buffer {
  fs.rmSync(file, { force: true })
  img('create', '-q', '-f', 'qcow2', '-o', options, file, '4M')
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 0 256k', '-c', 'write -P 9 2M 64k', file], { stdio: 'ignore' })
  return fs.readFileSync(file)
}

function edited(name: string, edit: (bytes: Buffer) => Buffer | void): BadImage {
  return {
    name,
    make: (file) => {
      const bytes = good(file)
      fs.writeFileSync(file, edit(bytes) ?? bytes)
    },
  }
}

const u32 = (name: string, at: number, value: number): BadImage =>
  edited(name, (bytes) => void bytes.writeUInt32BE(value >>> 0, at))
const u64 = (name: string, at: number, value: bigint): BadImage => edited(name, (bytes) => void bytes.writeBigUInt64BE(value, at))

/** Names a backing file, written behind the header. */
function backed(name: string, backing: (secretFile: string, file: string) => string, format?: string): BadImage {
  return {
    name,
    make: (file, secretFile) => {
      const bytes = good(file)
      const text = Buffer.from(backing(secretFile, file))
      let at = 0x200
      if (format !== undefined) {
        bytes.writeUInt32BE(0xe2792aca, 112)
        bytes.writeUInt32BE(format.length, 116)
        bytes.write(format, 120)
        bytes.writeBigUInt64BE(0n, 120 + Math.ceil(format.length / 8) * 8)
        at = 0x400
      }
      text.copy(bytes, at)
      bytes.writeBigUInt64BE(BigInt(at), 8)
      bytes.writeUInt32BE(text.length, 16)
      fs.writeFileSync(file, bytes)
    },
  }
}

const json = (value: unknown): string => `json:${JSON.stringify(value)}`

const backings: readonly BadImage[] = [
  backed('a file of the host as backing file', (one) => one, 'raw'),
  backed('the same, its format left out', (one) => one),
  backed('the same, relative', () => 'secret', 'raw'),
  backed('the same, by ..', () => '../images/secret', 'raw'),
  backed('the same, by file:', (one) => `file:${one}`, 'raw'),
  backed('json: file', (one) => json({ driver: 'raw', file: { driver: 'file', filename: one } })),
  backed('json: nested raw', (one) => json({ driver: 'raw', file: { driver: 'raw', file: { driver: 'file', filename: one } } })),
  backed('json: with dots', (one) => json({ driver: 'raw', 'file.driver': 'file', 'file.filename': one })),
  backed('json: quorum', (one) => json({ driver: 'quorum', 'vote-threshold': 1, children: [{ driver: 'file', filename: one }] })),
  backed('json: blkdebug', (one) => json({ driver: 'blkdebug', image: { driver: 'file', filename: one } })),
  backed('blkdebug:', (one) => `blkdebug::${one}`),
  backed('blkverify:', (one) => `blkverify:${one}:${one}`),
  backed('fat: a folder', () => 'fat:/etc', 'raw'),
  backed('fat:rw: a folder', () => 'fat:rw:/tmp', 'raw'),
  backed('nbd: a server', () => 'nbd:127.0.0.1:9', 'raw'),
  backed('http: a server', () => 'http://127.0.0.1:9/x', 'raw'),
  backed('ssh: a server', () => 'ssh://127.0.0.1/x', 'raw'),
  backed('a device', () => '/dev/zero', 'raw'),
  backed('the process itself', () => '/proc/self/environ', 'raw'),
  backed('an open file of the process', () => '/proc/self/fd/0', 'raw'),
  backed('itself, a loop', (_, file) => file, 'qcow2'),
  backed('an empty folder', () => '/var/empty/', 'raw'),
  backed('a name with a line feed', (one) => `${one}\n`, 'raw'),
  backed('a name that speaks to the terminal', () => '\u001B]52;c;x\u0007', 'raw'),
  {
    name: 'a chain of three, whose end is a file of the host',
    make: (file, secretFile) => {
      img('create', '-q', '-f', 'qcow2', '-b', secretFile, '-F', 'raw', `${file}.1`)
      img('create', '-q', '-f', 'qcow2', '-b', `${file}.1`, '-F', 'qcow2', `${file}.2`)
      fs.rmSync(file, { force: true })
      img('create', '-q', '-f', 'qcow2', '-b', `${file}.2`, '-F', 'qcow2', file)
    },
  },
  {
    name: 'two that stand on each other',
    make: (file) => {
      img('create', '-q', '-f', 'qcow2', `${file}.a`, '4M')
      fs.rmSync(file, { force: true })
      img('create', '-q', '-f', 'qcow2', '-b', `${file}.a`, '-F', 'qcow2', file)
      img('rebase', '-u', '-b', file, '-F', 'qcow2', `${file}.a`)
    },
  },
]

const dataFiles: readonly BadImage[] = [
  {
    name: 'a file of the host as data file',
    make: (file, secretFile) => {
      fs.rmSync(file, { force: true })
      fs.copyFileSync(secretFile, `${file}.data`)
      img('create', '-q', '-f', 'qcow2', '-o', `data_file=${file}.data,data_file_raw=on`, file, '64k')
    },
  },
  edited('the bit of a data file, without its name', (bytes) => void bytes.writeBigUInt64BE(4n, 72)),
  edited('a data file without its bit', (bytes) => {
    bytes.writeUInt32BE(0x44415441, 112)
    bytes.writeUInt32BE(11, 116)
    bytes.write('/etc/passwd', 120)
  }),
]

const headers: readonly BadImage[] = [
  u32('version 1', 4, 1),
  u32('version 4', 4, 4),
  u32('clusters of 2^31 bytes', 20, 31),
  u32('clusters of 2^0 bytes', 20, 0),
  u32('encrypted', 32, 1),
  u32('encrypted by LUKS', 32, 2),
  u32('4 billion L1 entries', 36, 0xffff_ffff),
  u32('4 million L1 entries', 36, 4 * 2 ** 20),
  u64('the L1 table beyond the end', 40, 1n << 40n),
  u64('the L1 table within the header', 40, 8n),
  u64('the L1 table at the end of all', 40, (1n << 63n) - 1n),
  u64('the refcount table beyond the end', 48, 1n << 50n),
  u32('a refcount table of 256 TB', 56, 0xffff_ffff),
  u32('64 K internal snapshots', 60, 0xffff),
  u64('unknown incompatible features', 72, 1n << 63n),
  u64('marked as corrupt', 72, 2n),
  u32('refcounts of 2^64 bits', 96, 64),
  u32('a header of 4 GB', 100, 0xffff_fff8),
  u64('8 EB large', 24, (1n << 63n) - 512n),
  edited('a header extension of 4 GB', (bytes) => {
    bytes.writeUInt32BE(0x12345678, 112)
    bytes.writeUInt32BE(0xffff_fff0, 116)
  }),
  edited('broken off in its header', (bytes) => bytes.subarray(0, 60)),
  edited('broken off after its header', (bytes) => bytes.subarray(0, 4096)),
  edited('broken off in its data', (bytes) => bytes.subarray(0, bytes.length - 131_072)),
  edited('an L2 table that is the header', (bytes) => {
    const l1 = Number(bytes.readBigUInt64BE(40))
    bytes.writeBigUInt64BE(1n << 63n, l1)
  }),
  edited('an L2 table that is the L1 table', (bytes) => {
    const l1 = Number(bytes.readBigUInt64BE(40))
    bytes.writeBigUInt64BE((1n << 63n) | BigInt(l1), l1)
  }),
  edited('all of its L1 leads beyond the end', (bytes) => {
    const l1 = Number(bytes.readBigUInt64BE(40))
    bytes.writeBigUInt64BE((1n << 63n) | (1n << 50n), l1)
  }),
  {
    name: 'a hole of 8 TB with clusters of 512 bytes',
    make: (file) => {
      good(file, 'compat=1.1,cluster_size=512')
      fs.truncateSync(file, 8 * 2 ** 40)
    },
    mayBeTaken: true,
  },
  {
    name: 'a virtual disk of 1 EB',
    make: (file) => {
      fs.rmSync(file, { force: true })
      img('create', '-q', '-f', 'qcow2', '-o', 'cluster_size=2M', file, '1E')
    },
    mayBeTaken: true,
  },
]

function vmdk(name: string, descriptor: (secretFile: string) => string, edit?: (bytes: Buffer) => void): BadImage {
  return {
    name,
    make: (file, secretFile) => {
      const bytes = Buffer.alloc(128 * 1024)
      bytes.write('KDMV')
      bytes.writeUInt32LE(1, 4)
      bytes.writeUInt32LE(3, 8)
      bytes.writeBigUInt64LE(8192n, 12)
      bytes.writeBigUInt64LE(128n, 20)
      bytes.writeBigUInt64LE(1n, 28)
      bytes.writeBigUInt64LE(20n, 36)
      bytes.writeUInt32LE(512, 44)
      bytes.write(descriptor(secretFile), 512)
      edit?.(bytes)
      fs.writeFileSync(file, bytes)
    },
  }
}

const text = (lines: readonly string[]): string =>
  ['# Disk DescriptorFile', 'version=1', 'CID=fffffffe', 'parentCID=ffffffff', ...lines, ''].join('\n')

function descriptorAlone(name: string, lines: (secretFile: string) => readonly string[]): BadImage {
  return { name, make: (file, secretFile) => fs.writeFileSync(file, text(lines(secretFile))) }
}

const vmdks: readonly BadImage[] = [
  descriptorAlone('vmdk: a flat extent', (one) => ['createType="monolithicFlat"', `RW 8 FLAT "${one}" 0`]),
  descriptorAlone('vmdk: a device as extent', () => ['createType="fullDevice"', 'RW 8 FLAT "/dev/zero" 0']),
  descriptorAlone('vmdk: two extents', (one) => [
    'createType="twoGbMaxExtentFlat"',
    `RW 8 FLAT "${one}" 0`,
    `RW 8 FLAT "${one}" 8`,
  ]),
  descriptorAlone('vmdk: a sparse extent', (one) => ['createType="twoGbMaxExtentSparse"', `RW 8 SPARSE "${one}"`]),
  vmdk('vmdk: a sparse header with a flat extent', (one) => text(['createType="monolithicSparse"', `RW 8 FLAT "${one}" 0`])),
  vmdk('vmdk: the same with line feeds', (one) => text(['createType="monolithicSparse"', `RW\n8\nFLAT "${one}" 0`])),
  vmdk('vmdk: the same with vertical tabs', (one) => text(['createType="monolithicSparse"', `RW\v8\vFLAT\v"${one}"\v0`])),
  vmdk(
    'vmdk: no capacity',
    (one) => text(['createType="monolithicSparse"', `RW +8 FLAT "${one}" 0`]),
    (bytes) => void bytes.writeBigUInt64LE(0n, 12),
  ),
  vmdk('vmdk: a parent', (one) =>
    text(['createType="monolithicSparse"', 'RW 8192 SPARSE "x"', `parentFileNameHint="${one}"`]).replace('ffffffff', '00000001'),
  ),
  vmdk('vmdk: a parent by a colon', (one) => text(['createType="monolithicSparse"', `parentFileNameHint:"${one}"`])),
  vmdk(
    'vmdk: its descriptor far away',
    () => text(['createType="monolithicSparse"', 'RW 8192 SPARSE "x"']),
    (bytes) => void bytes.writeBigUInt64LE(200n, 28),
  ),
]

const others: readonly BadImage[] = [
  { name: 'an empty file', make: (file) => fs.writeFileSync(file, '') },
  { name: 'a page', make: (file) => fs.writeFileSync(file, '<html>404</html>\n') },
  { name: 'a pipe', make: (file) => void execFileSync('mkfifo', [file]) },
  { name: 'a folder', make: (file) => fs.mkdirSync(file) },
  { name: 'a link to a device', make: (file) => fs.symlinkSync('/dev/zero', file) },
  {
    name: 'a vdi of 2^64 blocks',
    make: (file) => {
      fs.rmSync(file, { force: true })
      img('create', '-q', '-f', 'vdi', file, '4M')
      const bytes = fs.readFileSync(file)
      bytes.writeUInt32LE(0xffff_ffff, 384)
      bytes.writeUInt32LE(0xffff_ffff, 388)
      fs.writeFileSync(file, bytes)
    },
  },
  {
    name: 'a vhdx with a parent',
    make: (file) => {
      const bytes = Buffer.alloc(4 * 2 ** 20)
      bytes.write('vhdxfile')
      fs.writeFileSync(file, bytes)
    },
  },
]

export const badImages: readonly BadImage[] = [...backings, ...dataFiles, ...headers, ...vmdks, ...others]
