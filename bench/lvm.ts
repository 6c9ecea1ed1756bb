// `clone` of a volume that is a quarter full, thin and classic, against dd of the same onto a volume that is there already.
// Where this machine has no device-mapper, in User-Mode Linux, with whose slow processes the program's own start is not
// compared: a clone is measured from the call to the end, all lvm commands within.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { probe } from '../src/store/common/probe.js'
import { lvmStore } from '../src/store/lvm/lvmstore.js'
import { run } from '../src/sys/process.js'
import { makeTestGroup, type TestGroup } from '../test/uml/group.js'
import { uml, umlNeeds } from '../test/uml/run.js'
import { hasDeviceMapper } from '../test/uml/where.js'
import { inPairs, type Bench, type Row } from './table.js'

const mib = 1024 * 1024
const sizeMib = 4096
const diskBytes = 3.5 * sizeMib * mib
const rounds = 3
const vg = 'nbsvmbench'
const pool = 'pool'
const script = fileURLToPath(import.meta.url)

export const lvm: Bench = {
  name: 'lvm',
  async *rows() {
    if (hasDeviceMapper()) yield* await measure('on this machine')
    else yield* await measureInUml()
  },
}

async function measureInUml(): Promise<Row[]> {
  const needs = umlNeeds()
  if (needs.length > 0) throw new Error(`no device-mapper here, and no User-Mode Linux: apt-get install ${needs.join(' ')}`)
  const { status, output, console } = await uml([process.execPath, script, 'inside'], { diskBytes, timeoutMs: 600_000 })
  if (status !== 0) throw new Error(`exit status ${status}\n${output}\n${console}`)
  return JSON.parse(output) as Row[]
}

async function measure(where: string): Promise<Row[]> {
  const group = makeTestGroup(vg, diskBytes)
  try {
    group.sh(`lvcreate -qq --type thin-pool --size ${sizeMib + 128}m --name ${pool} ${vg}`)
    makeGold(group)
    const what = (kind: string, how: string): string => `dd bs=1M${how} | clone, ${kind} volume, ${where}`
    const rows: Row[] = []
    for (const [kind, atLeast] of [
      ['thin', 2],
      ['classic', 1],
    ] as const) {
      const synced = await inPairs(
        rounds,
        () => timeDd(group, kind, ['conv=fsync']),
        () => timeClone(group, kind),
      )
      rows.push({ what: what(kind, ' conv=fsync'), pairs: synced, unit: 'ms', goal: { atLeast } })
      const plain = await inPairs(
        rounds,
        () => timeDd(group, kind, []),
        () => timeClone(group, kind),
      )
      rows.push({ what: what(kind, ''), pairs: plain, unit: 'ms' })
    }
    return rows
  } finally {
    group.sh(`lvremove -qq -f ${vg}`)
    group.remove()
  }
}

/** Every fourth 16 MiB hold data; the rest is zeros that were written. */
function makeGold({ sh }: TestGroup): void {
  const to = `of=/dev/${vg}/nbsvm-gold-0 bs=1M conv=notrunc status=none`
  sh(`lvcreate -qq -y -L ${sizeMib}m -n nbsvm-gold-0 ${vg}
    dd if=/dev/zero ${to} count=${sizeMib}
    for ((at = 0; at < ${sizeMib}; at += 64)); do dd if=/dev/urandom ${to} seek=$at count=16; done
    sync`)
}

function timeDd({ sh }: TestGroup, kind: string, words: readonly string[]): number {
  sh(`lvcreate -qq -y ${kind === 'thin' ? `-V ${sizeMib}m --thinpool ${pool}` : `-L ${sizeMib}m`} -n copy ${vg}`)
  forget(sh)
  const ms = time(() =>
    spawnSync('dd', [`if=/dev/${vg}/nbsvm-gold-0`, `of=/dev/${vg}/copy`, 'bs=1M', 'status=none', ...words], { stdio: 'inherit' }),
  )
  sh(`sync; lvremove -qq -f ${vg}/copy`)
  return ms
}

async function timeClone({ sh }: TestGroup, kind: string): Promise<number> {
  const store = lvmStore({ vg, pool: kind === 'thin' ? pool : undefined, run, asRoot: run, probe })
  const live = {
    runs: () => false,
    activeFile: () => Promise.resolve(undefined),
    switchTo: () => Promise.resolve(),
    grow: () => Promise.resolve(),
  }
  forget(sh)
  const begin = performance.now()
  const source = await store.findSource({
    gold: 'gold',
    vmClass: undefined,
    snapshotLv: undefined,
    source: undefined,
    trust: false,
  })
  const drive = await store.clone('copy', source, { live })
  const ms = performance.now() - begin
  await store.remove(drive)
  return ms
}

/** What one has read shall not be there for the other. */
function forget(sh: TestGroup['sh']): void {
  sh('sync')
  writeFileSync('/proc/sys/vm/drop_caches', '3')
}

function time(work: () => unknown): number {
  const begin = performance.now()
  work()
  return performance.now() - begin
}

if (process.argv[1] === script && process.argv[2] === 'inside') {
  const rows = await measure('in User-Mode Linux')
  console.log(JSON.stringify(rows))
}
