// The agents that Pacemaker calls, called as it does: every action, its exit status, and what is said as the reason. That Pacemaker runs VMs by
// them is shown in whole/pacemaker.test.ts.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import type { Status } from '../src/vm/life/status.js'
import { bootSector } from './bootsector.js'
import { guestDisk, makeHome, program, run, until, type Result } from './cli.js'

const [vmAgent, fenceAgent] = ['vm', 'fence_nbsvm_rbd'].map((name) => path.resolve('pacemaker', name)) as [string, string]

const ocf = { success: 0, generic: 1, args: 2, unimplemented: 3, installed: 5, configured: 6, notRunning: 7 }

describe('ocf:nbsvm:vm', () => {
  const home = makeHome()

  /** As Pacemaker calls it, with parameters in the environment. */
  const agent = (action: string, vm: string, parameters: Record<string, string> = {}): Promise<Result> => {
    const given = { vm, nbsvm: program, home: home.folder, CRM_meta_timeout: '60000', ...parameters }
    const env = Object.fromEntries(Object.entries(given).map(([name, value]) => [`OCF_RESKEY_${name}`, value]))
    return run(vmAgent, [action], { PATH: process.env['PATH'], ...env })
  }
  const is = async (status: number, action: string, vm: string, parameters?: Record<string, string>): Promise<Result> => {
    const result = await agent(action, vm, parameters)
    assert.equal(result.status, status, `${action} ${vm}: ${result.stderr}`)
    return result
  }
  const status = async (vm: string): Promise<Status> => JSON.parse((await home.nbsvm([vm, 'status', '--json'])).stdout) as Status
  const configure = (vm: string, text: string): void => {
    fs.mkdirSync(path.join(home.folder, 'config'), { recursive: true })
    fs.writeFileSync(path.join(home.folder, `config/${vm}.vm`), `accel=tcg\nmem=96\nnetwork=none\n${text}`)
  }

  test('meta-data is XML, and names each action and parameter', async (t) => {
    const { stdout } = await is(ocf.success, 'meta-data', '')
    for (const action of ['start', 'stop', 'monitor', 'migrate_to', 'migrate_from', 'meta-data', 'validate-all'])
      assert.match(stdout, new RegExp(`<action name="${action}" timeout="\\d+s"`))
    for (const name of ['vm', 'settings', 'nbsvm', 'home']) assert.ok(stdout.includes(`<parameter name="${name}"`))
    await t.test('as xmllint sees it', { skip: whyNoXmllint }, () => checkXml(stdout))
  })

  test('what cannot be right on any node, or on this one, is told apart', async () => {
    await is(ocf.unimplemented, 'promote', 'web')
    await is(ocf.unimplemented, '', 'web')
    for (const action of ['start', 'stop', 'monitor', 'validate-all']) {
      await is(ocf.configured, action, '')
      const { stderr } = await is(ocf.configured, action, '-rf; $(id)')
      assert.match(stderr, /^ocf-exit-reason:vm=-rf; \$\(id\) is not the name of a VM$/m)
    }
    await is(ocf.installed, 'monitor', 'web', { nbsvm: '/nonexistent/nbsvm' })
    await is(ocf.installed, 'stop', 'web', { nbsvm: '/bin/false' })
    await is(ocf.success, 'validate-all', 'web')
  })

  test('a VM that is not here does not run, is stopped already, and cannot be started', async () => {
    await is(ocf.notRunning, 'monitor', 'nobody')
    await is(ocf.notRunning, 'migrate_to', 'nobody', { CRM_meta_migrate_target: 'node2' })
    await is(ocf.success, 'stop', 'nobody')
    await is(ocf.generic, 'migrate_from', 'nobody')
    const { stderr } = await is(ocf.args, 'start', 'nobody')
    assert.match(stderr, /^ocf-exit-reason:there is no VM nobody/m)
  })

  test('it is started with its settings, watched, moved nowhere by mistake, and shut down; each twice', async () => {
    configure('web', `source=${guestDisk}\n`)
    assert.equal((await home.nbsvm(['web', 'snapshot'])).status, 0)
    await is(ocf.notRunning, 'monitor', 'web')
    const { stderr } = await is(ocf.args, 'start', 'web', { settings: 'mem=lots' })
    assert.match(stderr, /^ocf-exit-reason:.*mem/m)
    for (let time = 0; time < 2; time++) await is(ocf.success, 'start', 'web', { settings: 'mem=112 smp=2' })
    const { memBytes, cpus, pid } = await status('web')
    assert.deepEqual([memBytes, cpus], [112 * 2 ** 20, 2])
    for (let time = 0; time < 2; time++) await is(ocf.success, 'monitor', 'web')
    await is(ocf.success, 'migrate_from', 'web')
    await is(ocf.configured, 'migrate_to', 'web')
    await home.nbsvm(['web', 'pause'])
    await is(ocf.success, 'monitor', 'web')

    process.kill(pid ?? 0, 'SIGSTOP')
    const silent = await is(ocf.generic, 'monitor', 'web', { CRM_meta_timeout: '3000' })
    process.kill(pid ?? 0, 'SIGCONT')
    assert.match(silent.stderr, /^ocf-exit-reason:web cannot be asked: QEMU does not answer$/m)

    await home.nbsvm(['web', 'resume', 'wait', 'guest ready'])
    for (let time = 0; time < 2; time++) await is(ocf.success, 'stop', 'web')
    assert.match((await status('web')).ending?.words ?? '', /guest/)
    await is(ocf.notRunning, 'monitor', 'web')
  })

  test('one whose move was cut off is started: Pacemaker knows that it runs nowhere', async () => {
    const { uuid } = JSON.parse(fs.readFileSync(path.join(home.folder, 'vms/web/machine.json'), 'utf8')) as { uuid: string }
    const mark = path.join(home.folder, 'vms/.moves/web.json')
    const [token, host] = ['0123456789abcdef', 'nowhere.invalid']
    fs.mkdirSync(path.dirname(mark))
    fs.writeFileSync(
      mark,
      JSON.stringify({ phase: 'given', token, uuid, host, name: 'web', ran: true, shared: true, standby: true, atMs: 1 }),
    )
    assert.match((await home.nbsvm(['web', 'start'])).stderr, /cannot start web: it was given to nowhere\.invalid/)
    await is(ocf.success, 'start', 'web')
    assert.ok(!fs.existsSync(mark))
    await home.nbsvm(['web', 'stop'])
  })

  test('one whose drive fails is in trouble; it is ended without going on before', async () => {
    const disk = path.join(home.folder, 'disk')
    fs.writeFileSync(disk, Buffer.concat([bootSector, Buffer.alloc(2 ** 20)]))
    const drive = {
      driver: 'blkdebug',
      'node-name': 'broken',
      image: { driver: 'file', filename: disk },
      'inject-error': [{ event: 'none', iotype: 'write' }],
    }
    configure(
      'bad',
      `drives=(-blockdev '${JSON.stringify(drive)}' -device virtio-blk-pci,drive=broken,werror=stop)\nrun_as=root\n`,
    )
    // It may be found by the look at what was started.
    await agent('start', 'bad')
    await until('the fault', 60_000, async () => (await status('bad')).detail === 'io-error')
    const { stderr } = await is(ocf.generic, 'monitor', 'bad')
    assert.match(stderr, /^ocf-exit-reason:bad is in trouble: io-error$/m)
    const began = Date.now()
    await is(ocf.success, 'stop', 'bad')
    assert.ok(Date.now() - began < 40_000, 'the power button, which would let it go on, is not pressed')
    const words = fs.readFileSync(path.join(home.folder, 'state/bad/events.jsonl'), 'utf8')
    assert.doesNotMatch(words, /"RESUME"[^]*"RESUME"/)
  })
})

describe('fence_nbsvm_rbd', () => {
  const { folder } = makeHome()
  const list = path.join(folder, 'list')
  /** As Ceph's own: it keeps a list. */
  const ceph = path.join(folder, 'ceph')
  fs.writeFileSync(
    ceph,
    `#!/bin/sh
[ -e ${list} ] || exit 1
echo "$*" >>${folder}/calls
while [ "$1" != blocklist ]; do shift; done
case $2 in
  ls) cat ${list} && echo 'listed some entries' >&2 && exit ;;
  rm) cut -d ' ' -f 1 ${list} | grep -qxF "$3" || exit 22 ;;
esac
awk -v it="$3" '$1 != it' ${list} >${list}.new
[ $2 = rm ] || echo "$3 2036-01-01T00:00:00.000000+0000" >>${list}.new
mv ${list}.new ${list}
`,
    { mode: 0o755 },
  )
  fs.writeFileSync(list, '')
  const fence = (action: string, plug?: string, more = ''): Promise<Result> =>
    run(
      fenceAgent,
      [],
      { PATH: process.env['PATH'] },
      `action=${action}\n${plug === undefined ? '' : `plug=${plug}\n`}nodename=node2\nceph=${ceph}\n${more}`,
    )
  const fenced = (): string => fs.readFileSync(list, 'utf8').replaceAll(/ .*/g, '')

  test('metadata is XML, for whoever asks by stdin or by option', async (t) => {
    const { stdout } = await fence('metadata')
    assert.match(stdout, /<action name="on" automatic="1"\/>/)
    assert.doesNotMatch(stdout, /name="reboot"/, 'nobody shall take what is fenced for something that was started again')
    const asked = spawnSync(fenceAgent, ['-o', 'metadata'], { encoding: 'utf8' })
    assert.equal(asked.stdout, stdout)
    await t.test('as xmllint sees it', { skip: whyNoXmllint }, () => checkXml(stdout))
  })

  test('off and on, each twice, one host and not its neighbours; what is off is off for good', async () => {
    const address = '10.9.0.1'
    assert.equal((await fence('status', address)).status, 0)
    assert.equal((await fence('on', address)).status, 0)
    for (let time = 0; time < 2; time++) {
      assert.equal((await fence('off', address)).status, 0)
      assert.equal((await fence('status', address)).status, 2)
    }
    assert.equal((await fence('status', '10.9.0.11')).status, 0)
    assert.equal((await fence('status', '0.9.0.1')).status, 0)
    assert.match(fs.readFileSync(path.join(folder, 'calls'), 'utf8'), /^osd blocklist add 10\.9\.0\.1:0\/0 315360000$/m)
    for (let time = 0; time < 2; time++) assert.equal((await fence('on', address)).status, 0)
    assert.equal((await fence('status', address)).status, 0)
    assert.equal(fenced(), '')
  })

  test('reboot leaves it off; several addresses, and those of IPv6, are all its own', async () => {
    assert.equal((await fence('reboot', '10.9.0.1,fd00::1')).status, 0)
    assert.equal(fenced(), '10.9.0.1:0/0\n[fd00::1]:0/0\n')
    assert.equal((await fence('status', '10.9.0.1,fd00::1')).status, 2)
    assert.equal((await fence('status', '10.9.0.1,fd00::2')).status, 0)
    assert.equal((await fence('on', '10.9.0.1,fd00::1')).status, 0)
    assert.equal(fenced(), '')
  })

  test('as the user, and by the configuration, that it is given', async () => {
    assert.equal((await fence('monitor', undefined, 'ceph_user=fence\nceph_conf=/etc/my ceph.conf\n')).status, 0)
    assert.match(
      fs.readFileSync(path.join(folder, 'calls'), 'utf8'),
      /^--conf \/etc\/my ceph\.conf --id fence osd blocklist ls$/m,
    )
  })

  test('a host that is not named, or named wrongly, and a Ceph that does not answer are errors, never "fenced"', async () => {
    assert.equal((await fence('off')).status, 1)
    assert.match((await fence('off', '$(id)')).stderr, /plug=\$\(id\) is not an address/)
    assert.equal((await fence('explode', '10.9.0.1')).status, 1)
    fs.rmSync(list)
    for (const action of ['off', 'on', 'status', 'monitor']) assert.equal((await fence(action, '10.9.0.1')).status, 1, action)
  })
})

const xmllint = ['/usr/bin/xmllint', path.resolve('build/pacemaker/usr/bin/xmllint')].find((file) => fs.existsSync(file))
const whyNoXmllint = xmllint === undefined ? 'there is no xmllint: scripts/pacemaker gets it' : false

function checkXml(text: string): void {
  const env = { LD_LIBRARY_PATH: path.resolve('build/pacemaker/usr/lib/x86_64-linux-gnu') }
  const { status, stderr } = spawnSync(xmllint ?? '', ['--noout', '-'], { env, input: text, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
}
