import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readParcel } from './parcel.js'

const record = {
  format: 1,
  name: 'web',
  class: null,
  uuid: 'e53dab6b-a0e9-8e56-9196-a42d3c5db595',
  macs: ['52:54:00:12:34:56'],
  generation: 'e53dab6b-a0e9-8e56-9196-a42d3c5db595',
}
const right = {
  nbsvm: 1,
  version: '1',
  kind: 'move',
  token: '0123456789abcdef',
  from: 'box1',
  record,
  settings: { mem: '300' },
  files: [{ name: 'ssh_key', base64: 'YQ==' }],
  drives: [
    { number: 0, virtualBytes: 1024, allocatedBytes: 0 },
    { number: 2, virtualBytes: 1024, allocatedBytes: 0 },
  ],
}

test('what was sent is there, and settings of the host that it comes from are not', () => {
  const ended = { kind: 'stopped', atMs: 7, words: 'ended by stop' } as const
  const settings = { mem: '300', qemu: '/tmp/evil', viewer: 'evil', store: 'lvm', nosuch: 'x', smp: 2 }
  const parcel = readParcel({ ...right, settings, ended, from: 'a\u001B[2J' })
  assert.deepEqual(parcel.settings, { mem: '300' })
  assert.deepEqual(parcel.ended, ended)
  assert.equal(parcel.from, 'another machine')
  assert.equal(readParcel({ ...right, ended: { ...ended, words: 'x'.repeat(1e6) } }).ended?.words.length, 4000)
})

test('what an nbsvm would not send is refused', () => {
  const drive = { number: 0, virtualBytes: 1024, allocatedBytes: 0 }
  const live = { movable: {}, qemu: '7.2', ran: true }
  const wrong: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
    [{ nbsvm: undefined }, /no VM as nbsvm sends it/],
    [{ nbsvm: 99, version: '9.9' }, /nbsvm 9\.9 sends VMs in another way/],
    [{ token: '../../x' }, /token/],
    [{ record: { ...record, name: '../x' } }, /its record is not right/],
    [{ record: { ...record, uuid: 'x' } }, /its record is not right/],
    [{ record: [] }, /its record is not text/],
    ...['/etc/passwd', '../x', 'tpm/..', 'tpm/.', 'tpm/../x', 'machine.json', 'a/b'].map(
      (name) => [{ files: [{ name, base64: '' }] }, /a file of that name does not belong to a VM/] as const,
    ),
    ...[[drive, drive], [{ ...drive, number: 2 }, drive], [{ ...drive, number: 4_000_000_000 }], [{ ...drive, number: -1 }]].map(
      (drives) => [{ drives }, /drives.* is not/] as const,
    ),
    [{ drives: [{ ...drive, virtualBytes: 1e300 }] }, /virtualBytes is not a size/],
    [{ live }, /movable|machine/],
  ]
  for (const [part, why] of wrong) assert.throws(() => readParcel({ ...right, ...part }), why, JSON.stringify(part))
})
