// Which lines the LVM store runs for each operation, one below the other in test/golden/lvm.txt. `npm run golden` rewrites
// the file. That lvm understands them is what lvm.test.ts shows.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { Failure } from '../src/core/errors.js'
import { quoteWords } from '../src/core/words.js'
import { lvmStore } from '../src/store/lvm/lvmstore.js'
import type { CopyOptions, LiveDrives, Source, Store } from '../src/store/store.js'
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
    lvchange: (words) =>
      Object.assign(named(words.at(-1)), { lv_tags: words.filter((_, at) => words[at - 1] === '--addtag').join() }),
  }
  const run: Run = (command) => {
    const words = command[0] === 'sudo' ? command.slice(3) : command
    lines.push(
      quoteWords(command)
        .replace(/^setpriv --pdeathsig KILL /, '')
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

const gold = (store: Store): Promise<Source> =>
  store.findSource({ gold: 'gold', vmClass: undefined, snapshotLv: undefined, source: undefined, trust: false })
const goldDrive = async (store: Store) => (await store.drives('gold'))[0] ?? assert.fail('no drive')
const image: Source = { name: '/images/a.qcow2', image: { format: 'qcow2', path: '/images/a.qcow2', kind: 'file' } }

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
  'newimg, after a clone was killed': {
    rows: [row('nbsvm_tmp-aaaaaaaa', { lv_tags: 'nbsvm_unfinished,nbsvm_by=00000000.1.1.1' })],
    do: (store) => store.create('foo', 20 * mib),
  },
}

/** Plays one scene and writes its lines, each `lvs` short. */
async function play(name: string, scene: Scene): Promise<string> {
  const { run, lines } = makeGroup(structuredClone(scene.rows ?? []))
  const isRoot = scene.with?.isRoot ?? true
  const info: Run = async (command, how) => {
    const result = await run(command, how)
    return command[0] === 'qemu-img' && command[1] === 'info' ? { ...result, stdout: '{"virtual-size": 8388608}' } : result
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
