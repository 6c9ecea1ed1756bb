// Which lines the LVM store runs for each operation, one below the other in test/golden/lvm.txt. `npm run golden` rewrites
// the file. That lvm understands them is what lvm.test.ts shows.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { Failure, UsageError } from '../src/core/errors.js'
import type { Base } from '../src/model/drive.js'
import { quoteWords } from '../src/core/words.js'
import { lvmStore } from '../src/store/lvm/lvmstore.js'
import type { CopyOptions, LiveDrives, Source, Store } from '../src/store/store.js'
import { processMark } from '../src/sys/mark.js'
import type { Run } from '../src/sys/process.js'
import { elevated } from '../src/sys/sudo.js'
import { noneLive } from './support/drives.js'

const mib = 2 ** 20
const golden = path.join(import.meta.dirname, '../../../test/golden/lvm.txt')
const options: CopyOptions & { live: typeof noneLive } = { live: noneLive }

/** A VM runs, and has its drive open. */
const running: LiveDrives = { ...noneLive, activeFile: ({ image }) => Promise.resolve(image.path), grow: () => Promise.resolve() }

type Row = Record<string, string>

/** As much of a volume group as the store looks at, and every line that was run on it. */
function makeGroup(rows: Row[]): { run: Run; lines: string[] } {
  const lines: string[] = []
  const named = (name = ''): Row => rows.find((row) => row['lv_name'] === name.replace('vg0/', '')) ?? {}
  const change: Record<string, (words: readonly string[]) => void> = {
    lvcreate: (words) => rows.push(row(words[words.indexOf('--name') + 1] ?? '')),
    lvrename: (words) => Object.assign(named(words[1]), renamedTo(words[2] ?? '')),
    lvremove: (words) => rows.splice(rows.indexOf(named(words.at(-1))), 1),
    lvchange: (words) => {
      const after = (option: string): string[] => words.filter((_, at) => words[at - 1] === option)
      const volume = named(words.at(-1))
      const kept = (volume['lv_tags'] ?? '').split(',').filter((tag) => tag !== '' && !after('--deltag').includes(tag))
      volume['lv_tags'] = [...kept, ...after('--addtag')].join()
    },
  }
  const run: Run = (command) => {
    const words = command[0] === 'sudo' ? command.slice(3) : command
    lines.push(
      quoteWords(command)
        .replace(/^setpriv --pdeathsig KILL sh -c '.*?' sh /, '')
        .replace(/lvs .* vg0/, 'lvs ... vg0'),
    )
    const [program = '', ...rest] = words
    change[program]?.(rest)
    const renamed = program === 'lvrename' ? rows.filter(({ origin }) => origin === rest[1]) : []
    for (const snapshot of renamed) snapshot['origin'] = rest[2] ?? ''
    return Promise.resolve({ status: 0, stderr: '', stdout: JSON.stringify({ report: [{ lv: rows }] }) })
  }
  return { run, lines }
}

const renamedTo = (name: string): Row => ({ lv_name: name, lv_path: `/dev/vg0/${name}` })

function row(name: string, more: Row = {}): Row {
  return { lv_name: name, lv_path: `/dev/vg0/${name}`, lv_layout: 'linear', lv_size: `${8 * mib}`, lv_active: 'active', ...more }
}

const classicGold = (): Row => row('nbsvm-gold-0')
const thinGold = (): Row => row('nbsvm-gold-0', { lv_layout: 'thin,sparse', pool_lv: 'pool0', data_percent: '25' })
const snapshot = (name: string): Row =>
  row(name, { lv_role: 'public,snapshot,thicksnapshot', origin: 'nbsvm-gold-0', origin_size: `${8 * mib}` })
const thinPool = (): Row =>
  row('pool0', {
    lv_layout: 'thin,pool',
    lv_role: 'private',
    lv_path: '',
    lv_size: `${64 * mib}`,
    data_percent: '10',
    zero: 'zero',
  })

const thinBase = (tags: string): Row => ({ ...thinGold(), ...renamedTo('nbsvm_base-bbbbbbbb'), lv_tags: tags })
const base: Base = {
  name: 'nbsvm_base-bbbbbbbb',
  image: { format: 'raw', path: '/dev/vg0/nbsvm_base-bbbbbbbb', kind: 'block' },
  virtualBytes: 8 * mib,
}

const gold = (store: Store): Promise<Source> =>
  store.findSource({ gold: 'gold', vmClass: undefined, snapshotLv: undefined, source: undefined, trust: false })
const goldDrive = async (store: Store) => (await store.drives('gold'))[0] ?? assert.fail('no drive')
const image: Source = { name: '/images/a.qcow2', image: { format: 'qcow2', path: '/images/a.qcow2', kind: 'file' } }

const origin = { image: { format: 'qcow2', path: '/images/sha256-1f', kind: 'file' }, hex: '1f' } as const

interface Scene {
  readonly rows?: Row[]
  readonly with?: { pool?: string; snapshotSizeBytes?: number; isRoot?: boolean }
  readonly do: (store: Store) => Promise<unknown>
}

const scenes: Record<string, Scene> = {
  'newimg, classic': { do: (store) => store.create('foo', 20 * mib) },
  'newimg, thin': { rows: [thinPool()], with: { pool: 'pool0' }, do: (store) => store.create('foo', 20 * mib) },
  'newimg, as a user': { with: { isRoot: false }, do: (store) => store.create('foo', 20 * mib) },
  'snapshot of a classic volume': {
    rows: [classicGold()],
    do: async (store) => store.snapshot('foo', await gold(store), options),
  },
  'snapshot of a classic volume, snapshot_size=2M': {
    rows: [classicGold()],
    with: { snapshotSizeBytes: 2 * mib },
    do: async (store) => store.snapshot('foo', await gold(store), options),
  },
  'snapshot of a thin volume': {
    rows: [thinGold(), thinPool()],
    do: async (store) => store.snapshot('foo', await gold(store), options),
  },
  'clone, classic': { rows: [classicGold()], do: async (store) => store.clone('foo', await gold(store), options) },
  'clone, thin': { rows: [thinGold(), thinPool()], do: async (store) => store.clone('foo', await gold(store), options) },
  'clone of a volume in use': {
    rows: [{ ...classicGold(), lv_device_open: 'open' }],
    do: async (store) => store.clone('foo', await gold(store), options),
  },
  'clone of an image file into a thin pool': {
    rows: [thinPool()],
    with: { pool: 'pool0' },
    do: (store) => store.clone('foo', image, options),
  },
  'newimg with an image, classic': { do: (store) => store.createFrom('foo', origin, 20 * mib, options) },
  'newimg with an image, thin': {
    rows: [thinPool()],
    with: { pool: 'pool0' },
    do: (store) => store.createFrom('foo', origin, 20 * mib, options),
  },
  'clone, bs=10M ddargs="iflag=direct"': {
    rows: [classicGold()],
    do: async (store) => store.clone('foo', await gold(store), { ...options, dd: { bs: '10M', args: ['iflag=direct'] } }),
  },
  'resize, larger': {
    rows: [classicGold()],
    do: async (store) => store.resize(await goldDrive(store), 16 * mib, { shrink: false }),
  },
  'resize of a running VM': {
    rows: [{ ...classicGold(), lv_device_open: 'open' }],
    do: async (store) => store.grow(await goldDrive(store), 16 * mib, { live: running }),
  },
  'resize, smaller': {
    rows: [classicGold()],
    do: async (store) => store.resize(await goldDrive(store), 4 * mib, { shrink: true }),
  },
  'rm of a classic volume': { rows: [classicGold()], do: async (store) => store.remove(await goldDrive(store)) },
  'rm of a classic volume that has a snapshot': {
    rows: [classicGold(), snapshot('nbsvm-foo-0')],
    do: async (store) => store.remove(await goldDrive(store)),
  },
  'rm of a thin volume': { rows: [thinGold(), thinPool()], do: async (store) => store.remove(await goldDrive(store)) },
  'rm of the last snapshot of a base': {
    rows: [row('nbsvm_base-aaaaaaaa', { lv_tags: 'nbsvm_base' }), { ...snapshot('nbsvm-foo-0'), origin: 'nbsvm_base-aaaaaaaa' }],
    do: async (store) => store.remove((await store.drives('foo'))[0] ?? assert.fail('no drive')),
  },
  'start, with a drive that is not active': {
    rows: [{ ...classicGold(), lv_active: '' }],
    do: async (store) => store.ready?.([await goldDrive(store)]),
  },
  'freeze of a thin volume': {
    rows: [thinGold(), thinPool()],
    do: async (store) => store.freeze(await goldDrive(store), 'kept', options),
  },
  'a drive on a base': {
    rows: [thinBase('nbsvm_base,nbsvm_pin=kept'), thinPool()],
    do: (store) => store.createOn('foo', base),
  },
  'a drive that becomes what a base holds': {
    rows: [thinGold(), thinBase('nbsvm_base,nbsvm_pin=kept'), thinPool()],
    do: async (store) => store.restore(await goldDrive(store), base),
  },
  'a drive that is missing, the same': {
    rows: [thinBase('nbsvm_base,nbsvm_pin=kept'), thinPool()],
    do: (store) => store.restore({ name: 'nbsvm-foo-3', number: 3 }, base),
  },
  'start, after that was killed between the two names': {
    rows: [
      row('nbsvm_tmp-aaaaaaaa', {
        lv_tags: `nbsvm_unfinished,nbsvm_by=${processMark(spawnSync('true').pid)},nbsvm_for=nbsvm-gold-0`,
      }),
    ],
    do: async (store) => store.ready?.([await goldDrive(store)]),
  },
  'another pin': { rows: [thinBase('nbsvm_base')], do: (store) => store.pin(base, 'more') },
  'release of the last pin': {
    rows: [thinBase('nbsvm_base,nbsvm_pin=kept')],
    do: (store) => store.release(base, 'kept'),
  },
  'newimg, while another host clones': {
    rows: [row('nbsvm_tmp-bbbbbbbb', { lv_tags: 'nbsvm_unfinished,nbsvm_by=0badcafe.12345678.4026531836.4711.88123' })],
    do: (store) => store.create('foo', 20 * mib),
  },
  'newimg, after a clone was killed': {
    rows: [row('nbsvm_tmp-aaaaaaaa', { lv_tags: `nbsvm_unfinished,nbsvm_by=${processMark(spawnSync('true').pid)}` })],
    do: (store) => store.create('foo', 20 * mib),
  },
}

/** Plays one scene and writes its lines, each `lvs` short. */
async function play(name: string, scene: Scene): Promise<string> {
  const { run, lines } = makeGroup(structuredClone(scene.rows ?? []))
  const isRoot = scene.with?.isRoot ?? true
  const info: Run = async (command, how) => {
    const result = await run(command, how)
    return command.slice(-6).join(' ').includes('qemu-img info') ? { ...result, stdout: '{"virtual-size": 8388608}' } : result
  }
  let names = 0
  const store = lvmStore({
    vg: 'vg0',
    ...scene.with,
    run: info,
    asRoot: elevated(info, 'test', { root: isRoot, terminal: false }),
    isRoot,
    mark: 'MARK',
    unique: () => `xxxxxxx${++names}`,
    probe: () => Promise.reject(new Error('no files')),
  })
  await scene.do(store)
  return `${name}\n${lines.map((line) => `  ${line}\n`).join('')}`
}

test('each operation runs the lines of the golden file', async () => {
  const played: string[] = []
  for (const [name, scene] of Object.entries(scenes)) played.push(await play(name, scene))
  const text = played.join('\n')
  if (process.env['NBSVM_GOLDEN'] === '1') fs.writeFileSync(golden, text)
  assert.equal(text, fs.readFileSync(golden, 'utf8'))
})

test('dd is not given another input or output than the drives', async () => {
  for (const word of ['of=/dev/sda', 'if=/etc/shadow', '--help']) {
    const scene: Scene = {
      rows: [classicGold()],
      do: async (store) => store.clone('foo', await gold(store), { ...options, dd: { args: [word] } }),
    }
    await assert.rejects(play('dd', scene), (error) => error instanceof Failure && error.message.includes(word))
  }
})

/** A store on what `answer` says that lvs found; every line that is run is kept. */
function storeOn(
  answer: (command: readonly string[]) => Awaited<ReturnType<Run>>,
  more: { isRoot?: boolean; pool?: string } = {},
) {
  const lines: string[] = []
  const asRoot: Run = async (command) => {
    lines.push(quoteWords(command))
    return answer(command)
  }
  const store = lvmStore({
    vg: 'vg0',
    run: asRoot,
    asRoot,
    isRoot: true,
    mark: 'MARK',
    probe: () => assert.fail('no files'),
    ...more,
  })
  return { store, lines }
}

const report = (...rows: object[]) => ({ status: 0, stderr: '', stdout: JSON.stringify({ report: [{ lv: rows }] }) })
const done = { status: 0, stderr: '', stdout: '' }

test('what others wrote into the metadata of the group goes to no terminal and no command', async () => {
  const { store, lines } = storeOn((command) =>
    command[0] === 'lvs'
      ? report(
          row('nbsvm-foo-0'),
          row('nbsvm-foo-1\u001b]52;c;eA==\u0007'),
          row('--force'),
          { lv_name: 7 },
          { ...row('nbsvm-foo-2'), lv_size: 'many', lv_health_status: '\u001b[2J', lv_tags: ['x'], origin: '../x' },
          { ...row('nbsvm_tmp-x'), lv_tags: 'nbsvm_unfinished,nbsvm_by=$(reboot)\u001b[2J' },
          { ...row('nbsvm_base-x'), lv_tags: 'nbsvm_base,"x" || lv_name=y' },
        )
      : done,
  )
  assert.deepEqual(await store.driveNames(), ['nbsvm-foo-0', 'nbsvm-foo-2'])
  const drives = await store.drives('foo')
  assert.deepEqual(
    drives.map(({ number }) => number),
    [0, 2],
  )
  assert.deepEqual(await store.size(drives[1] ?? assert.fail()), { virtualBytes: 0, allocatedBytes: 0 })
  const notes: string[] = []
  await store.create('bar', mib, { onNote: (text) => notes.push(text) })
  for (const text of [...lines, ...notes]) assert.doesNotMatch(text, /\p{Cc}|reboot|\|\|/u)
})

test('no lvm, no group, no report: each says what to type', async () => {
  const failing = (result: Partial<typeof done>) => storeOn(() => ({ ...done, status: 5, ...result })).store.driveNames()
  const notFound = '  Volume group "vg0" not found\n  Cannot process volume group vg0\n'
  await assert.rejects(failing({ stderr: notFound }), failure(/^there is no volume group vg0$/, /sudo vgs/))
  await assert.rejects(
    failing({ stderr: '  WARNING: a disk\n  locked\n' }),
    failure(/^cannot list the volumes of volume group vg0: locked$/, /lvs .* vg0/),
  )
  await assert.rejects(failing({ status: 0, stdout: '{"report": [' }), failure(/lvs wrote no report/, /sudo lvs/))
  for (const vg of ['', '--help', '..', '../etc', 'a b', 'a/b', 'x\u001b']) {
    assert.throws(() => lvmStore({ vg, run: neverRun, asRoot: neverRun, probe: () => assert.fail() }), UsageError, vg)
  }
  assert.throws(() => storeOn(() => done, { pool: '-x' }), /pool: "-x" cannot be the name of a thin pool/)
})

test('a drive that is lost or lies on a missing disk says why, and hides no other', async () => {
  const lost = { ...snapshot('nbsvm-foo-1'), lv_snapshot_invalid: 'snapshot invalid' }
  const partial = row('nbsvm-foo-2', { lv_health_status: 'partial' })
  const { store } = storeOn(() => report(classicGold(), row('nbsvm-foo-0'), lost, partial))
  const faults = (await store.drives('foo')).map(({ fault }) => fault ?? 'none')
  assert.match(faults.join('\n'), /^none\n.*nbsvm-foo-1 ran full .*\n.*nbsvm-foo-2 lies on a disk .* that is missing$/)
  for (const drive of (await store.drives('foo')).slice(1)) {
    await assert.rejects(Promise.resolve(store.ready?.([drive])), /ran full|is missing/)
  }
})

test('what fails after the drive is there does not take it away', async () => {
  const thin = [thinGold(), thinPool()]
  const { store } = storeOn((command) => {
    if (command[0] === 'lvchange') throw new Failure('cannot run lvchange, which needs root')
    return command[0] === 'lvs' ? report(...thin) : done
  })
  const notes: string[] = []
  const onNote = (text: string): void => void notes.push(text)
  assert.equal((await store.create('foo', mib, { onNote })).name, 'nbsvm-foo-0')
  assert.match(notes.join(), /^cannot run lvchange.*; the drive is complete, and the next command tries again$/)

  const rows: Row[] = []
  const renamed = storeOn((command) => {
    if (command[0] === 'lvrename') rows.push({ ...row('nbsvm-foo-0'), lv_tags: 'nbsvm_by=MARK' })
    return command[0] === 'lvs' ? report(...rows) : { ...done, status: command[0] === 'lvrename' ? 5 : 0 }
  })
  assert.equal((await renamed.store.create('foo', mib)).name, 'nbsvm-foo-0', 'lvrename failed after it had renamed')

  const busy = storeOn((command) => {
    if (command[0] === 'lvremove') throw new Failure('cannot run lvremove, which needs root')
    return command[0] === 'lvs' ? report({ ...thinGold(), lv_device_open: 'open' }, thinPool()) : done
  })
  const copy = await busy.store.clone('foo', await gold(busy.store), { ...options, onNote })
  assert.equal(copy.name, 'nbsvm-foo-0', 'its snapshot stays for a sweep')
  assert.match(notes[1] ?? '', /^cannot run lvremove.*; the next command tries again$/)
})

test('what reads or writes a volume ends with nbsvm', async () => {
  const { store, lines } = storeOn((command) =>
    command[0] === 'lvs' ? report(classicGold()) : { ...done, stdout: command.includes('info') ? '{"virtual-size": 1000}' : '' },
  )
  await store.clone('foo', await gold(store), options)
  await store.clone('foo', image, options)
  await store.clone('foo', await gold(store), { ...options, dd: { args: [] } })
  const working = lines.filter((line) => /qemu-img|\bdd\b|blkdiscard/.test(line))
  assert.equal(working.length, 4)
  for (const line of working) assert.match(line, /^setpriv --pdeathsig KILL sh -c /)
})

test('a user is told of a drive that he cannot see before his VM starts without it', async () => {
  const { store } = storeOn(() => report(classicGold(), { ...row('nbsvm-gold-1'), lv_active: '' }), { isRoot: false })
  const seen = { name: 'nbsvm-gold-0', number: 0, image: { format: 'raw', path: '/dev/null', kind: 'block' } } as const
  await assert.rejects(
    Promise.resolve(store.ready?.([seen])),
    failure(/nbsvm-gold-1 of the same VM cannot be seen while not active/, /sudo lvchange --activate y .*vg0\/nbsvm-gold-1/),
  )
})

const neverRun: Run = () => assert.fail('nothing is to be run')

function failure(message: RegExp, hint: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof Failure, String(error))
    assert.match(error.message, message)
    assert.match(error.hints.join('\n'), hint)
    return true
  }
}
