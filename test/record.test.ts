// Records: what makes a VM this machine and no other, by the real program.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import { readRecord, recordedUids, updateRecord } from '../src/vm/record/record.js'
import { makeHome, program, until, type Home } from './cli.js'

const home = makeHome()
const { nbsvm } = home
const isRoot = process.geteuid?.() === 0

interface MachineRecord {
  name: string
  class: string | null
  uuid: string
  macs: string[]
  generation: string
  machine?: string
  cpu?: Record<string, string>
}

const fileOf = (id: string, { folder }: Home = home): string => path.join(folder, 'vms', id, 'machine.json')
const recordOf = (id: string, of: Home = home): MachineRecord =>
  JSON.parse(fs.readFileSync(fileOf(id, of), 'utf8')) as MachineRecord
const drawer = (id: string): string => path.join(home.folder, 'state', id)

function change(id: string, fields: Record<string, unknown>): void {
  fs.writeFileSync(fileOf(id), JSON.stringify({ ...recordOf(id), ...fields }))
}

/** What `explain` says, in the words that QEMU would get. */
async function explained(id: string, ...words: string[]) {
  const { status, stdout, stderr } = await nbsvm([id, ...words, 'explain'])
  assert.equal(status, 0, stderr)
  const found = (shape: RegExp): string | undefined => shape.exec(stdout)?.[1]
  return {
    stdout,
    uuid: found(/^ +-uuid (\S+)/m),
    mac: found(/"?mac"?[=:]"?([0-9a-f:]{17})/),
    generation: found(/"vmgenid","guid":"([^"]+)"/),
    machine: found(/-machine (pc\S*|q35)/),
  }
}

test('the first drive brings a record, for its owner alone, and nothing changes it but what must', async () => {
  assert.equal((await nbsvm(['foo', 'newimg'])).status, 0)
  const first = fs.readFileSync(fileOf('foo'), 'utf8')
  for (const folder of [path.dirname(fileOf('foo')), path.join(home.folder, 'vms')])
    assert.equal(fs.statSync(folder).mode & 0o777, 0o700, folder)
  assert.equal(fs.statSync(fileOf('foo')).mode & 0o777, 0o600)
  const { name, class: vmClass, machine, cpu } = recordOf('foo')
  assert.deepEqual([name, vmClass, machine, cpu], ['foo', null, undefined, undefined])
  assert.equal((await nbsvm(['foo', 'newimg'])).status, 0)
  assert.equal(fs.readFileSync(fileOf('foo'), 'utf8'), first)
  assert.deepEqual(fs.readdirSync(path.dirname(fileOf('foo'))), ['machine.json'])
})

test('explain changes nothing, and tells what the first start then uses; a generation id is random', async () => {
  const before = await explained('new')
  assert.equal(before.generation, 'auto')
  assert.match(before.stdout, /^# generation id: random/m)
  assert.equal(fs.existsSync(fileOf('new')), false)
  assert.equal((await nbsvm(['new', 'network= ', 'start', '-S'])).status, 0)
  const { uuid, macs, generation } = recordOf('new')
  assert.deepEqual([before.uuid, before.mac], [uuid, macs[0]])
  const command = fs.readFileSync(path.join(drawer('new'), 'command'), 'utf8')
  for (const word of [uuid, generation]) assert.ok(command.includes(word), word)
  await nbsvm(['new', 'stop'])
  assert.equal((await explained('new')).generation, generation)
})

test('the first start pins machine type and CPU, and explain and status say so; a setting goes over it', async () => {
  const { machine, cpu } = recordOf('new')
  assert.match(machine ?? '', /^pc-q35-\d/)
  assert.deepEqual(cpu, { tcg: 'max' })
  change('new', { machine: 'pc-q35-6.2' })
  const { stdout, machine: shown } = await explained('new')
  assert.equal(shown, 'pc-q35-6.2')
  assert.match(stdout, /^# machine=pc-q35-6\.2 +pinned in the record$/m)
  assert.match(stdout, /^# cpu=max +pinned in the record$/m)
  const status = JSON.parse((await nbsvm(['new', 'status', '--json'])).stdout) as Record<string, unknown>
  assert.deepEqual([status['uuid'], status['machine'], status['cpu']], [recordOf('new').uuid, 'pc-q35-6.2', 'max'])
  assert.equal((await nbsvm(['new', 'network= ', 'start', '-S'])).status, 0)
  assert.match((await nbsvm(['new', 'status'])).stdout, /board +pc-q35-6\.2, CPU max/)
  await nbsvm(['new', 'stop'])
  assert.equal(recordOf('new').machine, 'pc-q35-6.2')

  assert.match((await explained('new', 'machine=pc')).stdout, /^# machine=pc +command line$/m)
  assert.equal((await nbsvm(['set', 'network= ', 'machine=pc', 'cpu=qemu64', 'start', '-S', '--', 'stop'])).status, 0)
  assert.deepEqual([recordOf('set').machine, recordOf('set').cpu], [undefined, undefined])
  assert.equal((await nbsvm(['set', 'network= ', 'start', '-S', '--', 'stop'])).status, 0)
  assert.deepEqual([recordOf('set').machine, recordOf('set').cpu], [machine, { tcg: 'max' }])
})

test('a machine type that QEMU no longer has: start says which, and what to type', async () => {
  change('new', { machine: 'pc-q35-0.1' })
  const { status, stderr } = await nbsvm(['new', 'network= ', 'start', '-S'])
  assert.equal(status, 1)
  assert.match(stderr, /cannot start new: QEMU \S+ no longer has its machine type, pc-q35-0\.1\n/)
  assert.match(stderr, /nbsvm new machine=pc-q35-\S+ start\n.*machine=pc-q35-\S+ in \S+config\/new\.vm\n/s)
  assert.equal((await nbsvm(['new', 'network= ', 'machine=q35', 'start', '-S', '--', 'stop'])).status, 0)
  assert.equal(recordOf('new').machine, 'pc-q35-0.1')
})

test('two VMs of one name in two places of one host are two machines', async () => {
  const other = makeHome()
  assert.equal((await other.nbsvm(['foo', 'newimg'])).status, 0)
  const [one, two] = [recordOf('foo'), recordOf('foo', other)]
  assert.notEqual(one.uuid, two.uuid)
  assert.notEqual(one.generation, two.generation)
  assert.equal(new Set([...one.macs, ...two.macs]).size, one.macs.length * 2)
})

test('many at once: each VM has one record, and all agree', async () => {
  const made = await Promise.all(Array.from({ length: 12 }, (_, number) => nbsvm([`many${number % 2}`, 'newimg'])))
  assert.deepEqual(
    made.map(({ status, stderr }) => [status, /cannot|fail/.exec(stderr)]),
    made.map(() => [0, null]),
  )
  const record = fs.readFileSync(fileOf('many0'), 'utf8')
  await Promise.all(Array.from({ length: 6 }, () => nbsvm(['many0', 'newimg'])))
  assert.equal(fs.readFileSync(fileOf('many0'), 'utf8'), record)
  assert.notEqual(recordOf('many0').uuid, recordOf('many1').uuid)
})

test('a VM that nbsvm 0.1 started keeps its UUID and MAC address, its drawer says; one that it only made does not', async () => {
  const old = { uuid: '47eba85f-65c3-8b6c-87e8-2d07886700b3', mac: '52:54:c0:b8:40:24' }
  const home01 = makeHome()
  const folder = path.join(home01.folder, 'state', 'foo')
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
  assert.notEqual(JSON.parse((await home01.nbsvm(['foo', 'status', '--json'])).stdout).uuid, old.uuid)
  fs.writeFileSync(path.join(folder, 'command'), `flock -n -F lock \\\n  qemu-system-x86_64 \\\n  -uuid ${old.uuid} \\\n`)
  assert.equal((await home01.nbsvm(['foo', 'newimg'])).status, 0)
  assert.deepEqual([recordOf('foo', home01).uuid, recordOf('foo', home01).macs[0]], [old.uuid, old.mac])
  assert.notEqual(recordOf('foo', home01).generation, old.uuid)
})

test('changes made at once all count, each sees the others, and what is wrong is never written', async () => {
  const place = { records: path.join(home.folder, 'vms'), state: path.join(home.folder, 'state') }
  const ids = Array.from({ length: 8 }, (_, number) => `uid${number}`)
  await Promise.all(ids.map((id) => nbsvm([id, 'newimg'])))
  const lowestFree = (): number => {
    let uid = 900_000
    while (recordedUids(place).has(uid)) uid++
    return uid
  }
  await Promise.all(ids.map((id) => updateRecord(place, id, (record) => ({ ...record, uid: record.uid ?? lowestFree() }))))
  assert.deepEqual(
    // Those of VMs that were started are the user's own, where the tests are not root's.
    [...recordedUids(place)].filter((uid) => uid >= 900_000 && uid < 1_000_000).toSorted((a, b) => a - b),
    ids.map((_, number) => 900_000 + number),
  )
  const before = fs.readFileSync(fileOf('uid0'), 'utf8')
  await assert.rejects(
    updateRecord(place, 'uid0', (record) => ({ ...record, uid: 0 })),
    /"uid"/,
  )
  await assert.rejects(
    updateRecord(place, 'nobody', (record) => record),
    /there is no record of nobody/,
  )
  assert.equal(fs.readFileSync(fileOf('uid0'), 'utf8'), before)
  assert.equal(readRecord(place, 'nobody'), undefined)
})

test('fields that only a newer nbsvm knows stay', async () => {
  assert.equal((await nbsvm(['newer', 'newimg'])).status, 0)
  change('newer', { efi: { vars: 'x' } })
  assert.equal((await nbsvm(['newer', 'network= ', 'start', '-S', '--', 'stop'])).status, 0)
  const found = recordOf('newer') as MachineRecord & { efi: unknown }
  assert.deepEqual([found.efi, found.cpu], [{ vars: 'x' }, { tcg: 'max' }])
})

test('a damaged record is told with its file, never replaced, and keeps nobody from ending or seeing the VM', async () => {
  assert.equal((await nbsvm(['hurt', 'network= ', 'newimg', 'start', '-S'])).status, 0)
  const file = fileOf('hurt')
  const right = fs.readFileSync(file, 'utf8')
  const wrong = [
    '',
    '{',
    right.slice(0, -10),
    right.replace('"format": 1', '"format": 9'),
    right.replace('"hurt"', '"other"'),
    '\0',
  ]
  for (const text of wrong) {
    fs.writeFileSync(file, text)
    for (const words of [['newimg'], ['explain'], ['start']]) {
      const { status, stderr } = await nbsvm(['hurt', ...words])
      assert.equal(status, 1, stderr)
      assert.match(
        stderr,
        /the record of hurt is damaged: \S*\/vms\/hurt\/machine\.json: .*\n.*cat .*\n.*mv .*machine\.json\.bad/,
        text,
      )
    }
    assert.equal(fs.readFileSync(file, 'utf8'), text)
  }
  const seen = await nbsvm(['hurt', 'status'])
  assert.equal(seen.status, 0, seen.stderr)
  assert.match(seen.stderr, /damaged/)
  assert.equal((await nbsvm(['hurt', 'stop'])).status, 0)
  assert.equal((await nbsvm(['ls'])).status, 0)
  // As the hint says.
  fs.renameSync(file, `${file}.bad`)
  assert.equal((await nbsvm(['hurt', 'network= ', 'start', '-S', '--', 'stop'])).status, 0)
  const { uuid, macs, generation } = JSON.parse(right) as MachineRecord
  assert.deepEqual([recordOf('hurt').uuid, recordOf('hurt').macs], [uuid, macs])
  assert.notEqual(recordOf('hurt').generation, generation)
})

test('a link, a folder or a pipe in the place of a record is not read', async () => {
  for (const put of [
    (file: string) => fs.symlinkSync('/etc/passwd', file),
    (file: string) => fs.mkdirSync(file),
    (file: string) => assert.equal(spawnSync('mkfifo', [file]).status, 0),
  ]) {
    fs.mkdirSync(path.dirname(fileOf('odd')), { recursive: true })
    put(fileOf('odd'))
    const { status, stderr } = await nbsvm(['odd', 'newimg'])
    assert.equal(status, 1)
    assert.match(stderr, /cannot read the record of odd: .*machine\.json/)
    fs.rmSync(path.dirname(fileOf('odd')), { recursive: true })
  }
})

test('two pairs of class and name that make one id: the second is refused, and told who is there', async () => {
  assert.equal((await nbsvm(['a-b', 'class=win', 'newimg'])).status, 0)
  assert.deepEqual([recordOf('win-a-b').name, recordOf('win-a-b').class], ['a-b', 'win'])
  for (const action of ['newimg', 'start', 'stop', 'rm']) {
    const { status, stderr } = await nbsvm(['b', 'class=win-a', action])
    assert.equal(status, action === 'stop' ? 0 : 2, stderr)
    assert.match(
      stderr,
      /win-a-b is a-b in class win: b in class win-a would have the same drawer and drives\n.*nbsvm a-b class=win/,
    )
  }
  // By its id it is what it is.
  assert.equal((await nbsvm(['win-a-b', 'newimg'])).status, 0)
  assert.equal((await nbsvm(['web-x', 'newimg'])).status, 0)
  assert.match((await nbsvm(['x', 'class=web', 'newimg'])).stderr, /web-x is the VM web-x, without a class/)
})

test('the class comes from the record, never from the drawer', async () => {
  fs.mkdirSync(path.join(home.folder, 'config'), { recursive: true })
  fs.writeFileSync(path.join(home.folder, 'config', 'web.class'), 'mem=3072\n')
  fs.mkdirSync(drawer('web-x'), { recursive: true, mode: 0o700 })
  fs.writeFileSync(path.join(drawer('web-x'), 'class'), 'web\n')
  assert.match((await explained('web-x')).stdout, /^# mem=512/m)
  fs.rmSync(path.join(home.folder, 'config', 'web.class'))
})

test('a class that 0.1 wrote into the drawer counts where nobody else could have written it', async () => {
  const old = drawer('old-x')
  fs.mkdirSync(old, { recursive: true, mode: 0o700 })
  fs.writeFileSync(path.join(old, 'class'), 'old\n', { mode: 0o600 })
  const listed = async () =>
    (JSON.parse((await nbsvm(['ls', '--json'])).stdout) as { id: string; class: string | null; fault: string | null }[]).find(
      ({ id }) => id === 'old-x',
    )
  assert.deepEqual([(await listed())?.class, (await listed())?.fault], ['old', null])
  if (isRoot) fs.chownSync(old, 65534, 65534)
  else fs.chmodSync(old, 0o777)
  assert.equal((await listed())?.class, null)
  assert.match((await listed())?.fault ?? '', /not believed/)
  const refused = await nbsvm(['old-x', 'newimg'])
  assert.equal(refused.status, 2)
  assert.match(refused.stderr, /which class old-x is in .* not believed\n.*nbsvm x class=old start\n.*rm /)
  assert.equal((await nbsvm(['old-x', 'stop'])).status, 0)
  if (isRoot) fs.chownSync(old, 0, 0)
  else fs.chmodSync(old, 0o700)
  assert.equal((await nbsvm(['old-x', 'newimg'])).status, 0)
  assert.deepEqual([recordOf('old-x').name, recordOf('old-x').class], ['x', 'old'])
})

test("a VM that 0.1 still runs as root is not started a second time: its drawer was QEMU's user's, its lock counts", async (context) => {
  if (!isRoot) return context.skip('needs root')
  assert.equal((await nbsvm(['running', 'newimg'])).status, 0)
  const old = drawer('running')
  fs.mkdirSync(old, { recursive: true })
  const holder = spawn('flock', ['-F', path.join(old, 'lock'), 'sleep', '600'], { stdio: 'ignore' })
  after(() => holder.kill('SIGKILL'))
  await until('the lock', 5000, async () => spawnSync('flock', ['-n', path.join(old, 'lock'), 'true']).status !== 0)
  fs.chownSync(old, 65534, 65534)
  const { status, stderr } = await nbsvm(['running', 'start', '-S'])
  assert.equal(status, 1)
  assert.match(stderr, /running was started by an earlier nbsvm, and still runs\n {2}end it first: nbsvm running shutdown/)
  // What it says is still not believed when it has ended.
  assert.equal(fs.statSync(old).uid, 65534)
  assert.ok(fs.existsSync(path.join(old, 'lock')))
})

test('a VM that 0.1 still runs, with its sockets beside its lock, is paused, ended and started again; its drives are left alone', async () => {
  assert.equal((await nbsvm(['beside', 'network=none', 'drive_size=64M', 'newimg', 'start', '-S'])).status, 0)
  const [old, run] = [drawer('beside'), path.join(drawer('beside'), 'run')]
  const { uid } = fs.statSync(run)
  for (const name of fs.readdirSync(run)) fs.renameSync(path.join(run, name), path.join(old, name))
  fs.rmdirSync(run)
  fs.chownSync(old, uid, uid)
  for (const words of [
    ['resize', '+1M'],
    ['gold=beside', 'snapshot'],
  ]) {
    const { status, stderr } = await nbsvm(['beside', ...words])
    assert.equal(status, 1)
    assert.match(stderr, /beside was started by an earlier nbsvm, and still runs\n {2}end it first: nbsvm beside shutdown/)
  }
  const { status, stderr } = await nbsvm(['beside', 'resume', 'pause', 'stop', 'start', '-S', '--', 'pause', 'stop'])
  assert.equal(status, 0, stderr)
  assert.doesNotMatch(stderr, /killed/)
})

test('a copy is a machine of its own; another disk 0 for a VM that was there is another generation', async () => {
  assert.equal((await nbsvm(['gold', 'newimg'])).status, 0)
  const gold = fs.readFileSync(fileOf('gold'), 'utf8')
  assert.equal((await nbsvm(['copy', 'gold=gold', 'snapshot'])).status, 0)
  const first = recordOf('copy')
  for (const field of ['uuid', 'generation'] as const) assert.notEqual(first[field], recordOf('gold')[field])
  assert.equal((await nbsvm(['copy', 'gold=gold', 'clone'])).status, 0)
  assert.deepEqual(recordOf('copy'), first)
  assert.equal((await nbsvm(['copy', 'rm-drive', '--yes', '0', 'rm-drive', '--yes', '1'])).status, 0)
  assert.equal((await nbsvm(['copy', 'gold=gold', 'clone'])).status, 0)
  const { generation, ...rest } = recordOf('copy')
  assert.deepEqual({ ...rest, generation: first.generation }, first)
  assert.notEqual(generation, first.generation)
  assert.equal(fs.readFileSync(fileOf('gold'), 'utf8'), gold)
})

test('what fails to make a first drive leaves no record', async () => {
  const failing = await nbsvm(['none', 'gold=no-such-vm', 'snapshot'])
  assert.notEqual(failing.status, 0)
  fs.renameSync(path.join(home.folder, 'drives'), path.join(home.folder, 'away'))
  fs.writeFileSync(path.join(home.folder, 'drives'), 'in the way')
  assert.notEqual((await nbsvm(['none', 'newimg'])).status, 0)
  fs.rmSync(path.join(home.folder, 'drives'))
  fs.renameSync(path.join(home.folder, 'away'), path.join(home.folder, 'drives'))
  assert.equal(fs.existsSync(path.dirname(fileOf('none'))), false)
})

test('rm takes the record, and one that was killed within can be run again at each step', async () => {
  assert.equal((await nbsvm(['gone', 'network= ', 'newimg', 'start', '-S', '--', 'stop', 'rm', '--yes'])).status, 0)
  assert.equal(fs.existsSync(path.dirname(fileOf('gone'))), false)
  const steps = [
    () => fs.rmSync(path.join(home.folder, 'drives', 'nbsvm-gone-0.qcow2')),
    () => fs.rmSync(path.dirname(fileOf('gone')), { recursive: true }),
  ]
  for (const count of [1, 2]) {
    assert.equal((await nbsvm(['gone', 'network= ', 'newimg', 'start', '-S', '--', 'stop'])).status, 0)
    for (const step of steps.slice(0, count)) step()
    const again = await nbsvm(['gone', 'rm', '--yes'])
    assert.equal(again.status, 0, again.stderr)
    for (const folder of [drawer('gone'), path.dirname(fileOf('gone'))]) assert.equal(fs.existsSync(folder), false, folder)
  }
  // A record alone is a VM: what its drives are may stand in its settings.
  assert.equal((await nbsvm(['gone', 'newimg'])).status, 0)
  fs.rmSync(drawer('gone'), { recursive: true, force: true })
  fs.rmSync(path.join(home.folder, 'drives', 'nbsvm-gone-0.qcow2'))
  assert.match((await nbsvm(['ls'])).stdout, /^gone +stopped/m)
  assert.equal((await nbsvm(['gone', 'rm', '--yes'])).status, 0)
})

/** Runs a script in a mount namespace of its own, where a user is root too. */
function mounted(script: string, { env }: Home): string {
  const { status, stdout, stderr } = spawnSync('unshare', [...(isRoot ? [] : ['-r']), '-m', 'sh', '-ec', script, program], {
    env,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return stdout
}

const noNamespace =
  spawnSync('unshare', [...(isRoot ? [] : ['-r']), '-m', 'true']).status !== 0 && 'no mount namespaces here (a chroot?)'
const mayMount = ((): boolean => {
  try {
    fs.closeSync(fs.openSync('/dev/fuse', 'r+'))
    return true
  } catch {
    return false
  }
})()
const noBindfs =
  noNamespace ||
  (spawnSync('bindfs', ['--version']).error !== undefined && 'bindfs is not installed') ||
  (!mayMount && '/dev/fuse is closed to this user, or not there')

test('a host without a machine id gets one of its own, once', { skip: noNamespace }, () => {
  const other = makeHome()
  const hide = ['/etc/machine-id', '/var/lib/dbus/machine-id'].filter((file) => fs.existsSync(file))
  const script = [...hide.map((file) => `mount --bind /dev/null ${file}`), 'for vm in a b; do "$0" $vm newimg; done']
  mounted(script.join('\n'), other)
  const kept = path.join(other.folder, 'vms', '.host-id')
  assert.match(fs.readFileSync(kept, 'utf8'), /^[0-9a-f]{32}\n$/)
  assert.notEqual(recordOf('a', other).uuid, recordOf('b', other).uuid)
  assert.deepEqual(fs.readdirSync(path.join(other.folder, 'vms')).toSorted(), ['.host-id', '.lock', 'a', 'b'])
})

test('rm leaves nothing on a file system that keeps what is open in its folder (FUSE, NFS)', { skip: noBindfs }, () => {
  const other = makeHome()
  const script = `
    mkdir real seen
    bindfs real seen
    export NBSVM_HOME=$PWD/seen
    "$0" v network= newimg start -S -- stop rm --yes
    find real/state real/vms -mindepth 1 -maxdepth 1 -not -name '.*'`
  assert.equal(mounted(`cd ${other.folder}\n${script}`, other).replace(/^.*qcow2\n/, ''), '')
})
