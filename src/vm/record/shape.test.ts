import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRecord, type MachineRecord } from './shape.js'

const record: MachineRecord = {
  format: 1,
  name: 'a-b',
  class: 'win',
  uuid: '47eba85f-65c3-8b6c-87e8-2d07886700b3',
  macs: ['52:54:c0:b8:40:24'],
  generation: '47eba85f-65c3-4b6c-87e8-2d07886700b3',
  machine: 'pc-q35-7.2',
  cpu: { kvm: 'host', tcg: 'max' },
  uid: 900_000_001,
  image: {
    name: 'debian',
    digest: `sha512:${'1f'.repeat(64)}`,
    level: 'https',
    traits: {
      os: 'debian-13',
      arch: 'x86_64',
      user: 'debian',
      seed: 'nocloud',
      hasAgent: false,
      firmware: ['bios', 'uefi'],
      minMemBytes: 2 ** 29,
      minDriveBytes: 2 ** 31,
    },
  },
  seed: { instanceId: '00000000-0000-4000-8000-000000000002', user: 'debian' },
  sshPort: 20_022,
}

const parse = (value: unknown): MachineRecord => parseRecord(JSON.stringify(value), 'win-a-b')

test('a record is what was written, with the fields that only a newer nbsvm knows', () => {
  assert.deepEqual(parse(record), record)
  const { machine: _, cpu: __, uid: ___, image: ____, seed: _____, sshPort: ______, ...least } = record
  assert.deepEqual(parse(least), least)
  assert.deepEqual(parse({ ...least, later: { is: 'x' } }), { ...least, later: { is: 'x' } })
})

test('what is not a record, or the record of another VM, is refused by name of the field', () => {
  const wrong: readonly [unknown, RegExp][] = [
    [{ ...record, format: 2 }, /format 2: a newer nbsvm/],
    [{ ...record, format: '1' }, /"format" is not 1/],
    [{ ...record, name: 'b' }, /another VM/],
    [{ ...record, class: null }, /another VM/],
    [{ ...record, name: '../x' }, /"name"/],
    [{ ...record, class: 7 }, /"class"/],
    [{ ...record, uuid: record.uuid.toUpperCase() }, /"uuid"/],
    [{ ...record, uuid: `${record.uuid}\n` }, /"uuid"/],
    [{ ...record, uuid: undefined }, /"uuid" is missing/],
    [{ ...record, macs: '52:54:c0:b8:40:24' }, /"macs"/],
    [{ ...record, macs: ['53:54:c0:b8:40:24'] }, /"macs"/],
    [{ ...record, macs: [record.macs[0], null] }, /"macs"/],
    [{ ...record, generation: 'auto' }, /"generation"/],
    [{ ...record, machine: 'pc,accel=kvm' }, /"machine"/],
    [{ ...record, machine: '' }, /"machine"/],
    [{ ...record, cpu: 'max' }, /"cpu"/],
    [{ ...record, cpu: { tcg: '' } }, /"cpu"/],
    [{ ...record, cpu: { tcg: 'max\n-x' } }, /"cpu"/],
    [{ ...record, uid: 0 }, /"uid"/],
    [{ ...record, uid: -1 }, /"uid"/],
    [{ ...record, uid: 1.5 }, /"uid"/],
    [{ ...record, uid: 2 ** 32 - 1 }, /"uid"/],
    [{ ...record, uid: '1000' }, /"uid"/],
    [{ ...record, seed: { instanceId: 'x', user: 'debian' } }, /"seed"/],
    [{ ...record, seed: { ...record.seed, user: '-oProxyCommand=x' } }, /"seed"/],
    [{ ...record, sshPort: 0 }, /"sshPort"/],
    [{ ...record, image: 'debian' }, /"image"/],
    ...[{ name: 'a\nb' }, { digest: 'sha512:1f' }, { level: 'sure' }, { traits: undefined }].map((field): [unknown, RegExp] => [
      { ...record, image: { ...record.image, ...field } },
      /"image"/,
    ]),
    ...[{ user: 'root;' }, { seed: 'x' }, { firmware: [] }, { arch: 'vax' }, { minMemBytes: -1 }].map(
      (field): [unknown, RegExp] => [
        { ...record, image: { ...record.image, traits: { ...record.image?.traits, ...field } } },
        /"image"/,
      ],
    ),
    [[record], /not a JSON object/],
    [null, /not a JSON object/],
  ]
  for (const [value, expected] of wrong) assert.throws(() => parse(value), expected, JSON.stringify(value))
  for (const text of ['', '{', 'null', '\0', '[]', JSON.stringify(record).slice(0, -1)])
    assert.throws(() => parseRecord(text, 'win-a-b'), /not a JSON object/, text)
})
