// The archives of the row `images`, for `import`, each by what is wrong with it. Those of nbsvm's own form that are put together again byte by byte, with
// sums and digests that are right, are in `test/archive.test.ts`.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { tarEnd, tarHeader, tarPadding } from '../src/guest/tar.js'
import type { BadImage } from './badimages.js'

const mib = 2 ** 20

/** `export` has written this one. */
export function badArchives(whole: Buffer): readonly BadImage[] {
  const parts = Array.from({ length: 8 }, (_, at) => (at + 1) / 8)
  return [
    ...parts
      .slice(0, 7)
      .map((part) => written(`export's, cut at ${part}`, () => whole.subarray(0, Math.floor(whole.length * part)))),
    ...parts.map((part) =>
      written(`export's, a bit flipped at ${part}`, () => flipped(whole, Math.floor((whole.length - 1) * part))),
    ),
    written("export's twice", () => Buffer.concat([whole, whole])),
    piped("export's, in gzip", 'gzip -c', whole),
    piped("export's, in zstd, cut", `zstd -q -c | head -c 5000`, whole),
    piped("export's, in zstd, with a window of 2 GB", 'zstd -q -c --ultra --long=31', whole, true),
    piped('zstd of 2 GB of zeros', 'head -c 2G /dev/zero | zstd -q -c', Buffer.alloc(0)),
    piped('zstd of zstd', 'zstd -q -c | zstd -q -c', whole),
    ...foreign,
    ...ovas,
  ]
}

function written(name: string, bytes: () => Buffer): BadImage {
  return { name, make: (file) => fs.writeFileSync(file, bytes()) }
}

function flipped(whole: Buffer, at: number): Buffer {
  const bytes = Buffer.from(whole)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes
}

function piped(name: string, through: string, input: Buffer, mayBeTaken = false): BadImage {
  return {
    name,
    make: (file) => fs.writeFileSync(file, execFileSync('sh', ['-c', through], { input, maxBuffer: 64 * mib })),
    mayBeTaken,
  }
}

/** Made by tar itself, of a folder. */
function tarred(name: string, fill: (folder: string, secretFile: string) => void, options: readonly string[] = []): BadImage {
  return {
    name,
    make: (file, secretFile) => {
      const folder = fs.mkdtempSync(path.join(path.dirname(file), 'tar-'))
      fs.writeFileSync(path.join(folder, 'manifest.json'), '{"nbsvm":"archive","format":1}')
      fill(folder, secretFile)
      execFileSync('tar', ['-C', folder, '-cf', file, ...options, 'manifest.json', '.'])
      fs.rmSync(folder, { recursive: true })
    },
  }
}

const foreign: readonly BadImage[] = [
  tarred('tar: a symbolic link as drive', (folder, one) => fs.symlinkSync(one, path.join(folder, 'drive-0.raw'))),
  tarred('tar: a hard link', (folder) => fs.linkSync(path.join(folder, 'manifest.json'), path.join(folder, 'drive-0.raw'))),
  tarred('tar: a pipe', (folder) => void execFileSync('mkfifo', [path.join(folder, 'drive-0.raw')])),
  tarred('tar: very many files', (folder) => {
    for (let at = 0; at < 3000; at++) fs.writeFileSync(path.join(folder, `f${at}`), '')
  }),
  tarred('tar: names that lead up', () => {}, ['--transform=s,^manifest,../../manifest,', '-P']),
  tarred('tar: absolute names', () => {}, ['--transform=s,^,/etc/,', '-P']),
  tarred('tar: in the old sparse form', (folder) => fs.truncateSync(path.join(folder, 'manifest.json'), 2 ** 40), [
    '--sparse',
    '--format=gnu',
  ]),
]

interface Held {
  readonly name: string
  readonly bytes: Buffer | string
}

function ova(name: string, held: (secretFile: string) => readonly Held[], mayBeTaken = false): BadImage {
  return {
    name: `ova: ${name}`,
    make: (file, secretFile) => {
      const blocks = held(secretFile).map((one) => {
        const bytes = Buffer.from(one.bytes)
        const entry = { kind: 'file', mode: 0o600, uid: 0, gid: 0, mtimeSeconds: 0, sizeBytes: bytes.length, target: '' } as const
        return Buffer.concat([tarHeader({ ...entry, name: one.name }), bytes, tarPadding(bytes.length)])
      })
      fs.writeFileSync(file, Buffer.concat([...blocks, tarEnd]))
    },
    mayBeTaken,
  }
}

const item = (type: number, rest: string): string =>
  `<Item><rasd:InstanceID>${type}</rasd:InstanceID><rasd:ResourceType>${type}</rasd:ResourceType>${rest}</Item>`

function ovf({ href = 'disk.vmdk', capacity = '64', disks = 1, head = '', name = 'box' } = {}): string {
  const disk = item(17, '<Parent>3</Parent><HostResource>ovf:/disk/d1</HostResource>')
  return `<?xml version="1.0"?>${head}
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="r">
  <References><File ovf:id="f1" ovf:href="${href}"/></References>
  <DiskSection><Disk ovf:diskId="d1" ovf:fileRef="f1" ovf:capacity="${capacity}" ovf:capacityAllocationUnits="byte * 2^20"/></DiskSection>
  <VirtualSystem ovf:id="box"><Name>${name}</Name><VirtualHardwareSection>${disk.repeat(disks)}</VirtualHardwareSection></VirtualSystem>
</Envelope>`
}

const described = (text: Buffer | string, ...more: readonly Held[]): readonly Held[] => [
  { name: 'box.ovf', bytes: text },
  ...more,
]
const disk = (bytes: Buffer | string, name = 'disk.vmdk'): Held => ({ name, bytes })

const flat = (one: string): string =>
  [
    '# Disk DescriptorFile',
    'version=1',
    'CID=fffffffe',
    'parentCID=ffffffff',
    'createType="monolithicFlat"',
    `RW 8 FLAT "${one}" 0`,
  ].join('\n')

function standingOn(one: string): Buffer {
  const folder = fs.mkdtempSync(path.join(path.dirname(one), 'ova-'))
  const file = path.join(folder, 'disk')
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', one, '-F', 'raw', file])
  const bytes = fs.readFileSync(file)
  fs.rmSync(folder, { recursive: true })
  return bytes
}

const bomb = `<!DOCTYPE x [<!ENTITY a "ha">${Array.from({ length: 20 }, (_, at) => `<!ENTITY ${'a'.repeat(at + 2)} "${`&${'a'.repeat(at + 1)};`.repeat(10)}">`).join('')}]>`

const ovas: readonly BadImage[] = [
  ova('a disk of the host by its path', (one) => described(ovf({ href: one }))),
  ova('a disk of the host by ..', () => described(ovf({ href: '../images/secret' }))),
  ova('a disk of the host as URL', (one) => described(ovf({ href: `file://${one}` }))),
  ova('a disk of a server', () => described(ovf({ href: 'http://127.0.0.1:9/x' }))),
  ova('a vmdk with an extent of the host', (one) => described(ovf(), disk(flat(one)))),
  ova('a vmdk with an extent beside it', () => described(ovf(), disk(flat('more')), disk('x'.repeat(4096), 'more'))),
  ova('a qcow2 that stands on a file of the host', (one) => described(ovf(), disk(standingOn(one)))),
  ova('a disk that is none', () => described(ovf(), disk('no disk at all, but a text\n'.repeat(100)))),
  ova('no disk where one is named', () => described(ovf())),
  ova('two descriptions', () => [...described(ovf()), ...described(ovf())]),
  ova('entities of a file of the host', (one) =>
    described(ovf({ head: `<!DOCTYPE x [<!ENTITY a SYSTEM "file://${one}">]>`, name: '&a;' })),
  ),
  ova('entities without end', () => described(ovf({ head: bomb, name: `&${'a'.repeat(21)};` }))),
  ova('elements within elements', () => described(`<Envelope>${'<a>'.repeat(150_000)}`)),
  ova('very many disks', () => described(ovf({ disks: 5000 }), disk('x'))),
  ova('a disk of 2^90 bytes', () => described(ovf({ href: '', capacity: String(2 ** 70) }))),
  ova('a disk of less than nothing', () => described(ovf({ href: '', capacity: '-64' }))),
  ova('bytes that are no text', () => described(Buffer.alloc(4096, 0xfe))),
  ova('a description of 2 MB', () => described(`${ovf()}${' '.repeat(2 * mib)}`, disk('x'))),
  ova('a list of digests that are others', () => [
    ...described(ovf(), disk('x'.repeat(4096))),
    { name: 'box.mf', bytes: `SHA256(box.ovf)= ${'0'.repeat(64)}\n` },
  ]),
  ova('very many digests', () => [...described(ovf(), disk('x')), { name: 'box.mf', bytes: 'SHA256(x)= 0\n'.repeat(70_000) }]),
  ova('a name that speaks to the terminal', () => described(ovf({ href: '\u001B]52;c;x\u0007' }))),
  ova('a file under an absolute name', () => described(ovf(), disk('x', '/etc/x'))),
]
