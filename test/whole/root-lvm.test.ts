// Volumes and root, by the real program on a real device-mapper: this machine's own, or that of User-Mode Linux.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { withQmp } from '../../src/qemu/qmp.js'
import { deviceBytes } from '../../src/sys/block.js'
import { drawerOf } from '../../src/vm/record/drawer.js'
import { bootSector, countedAt, countingSector } from '../bootsector.js'
import { makeHome, program, run, until, type Result } from '../cli.js'
import { makeSudo } from '../netns.js'
import { describe, look } from '../process.js'
import { makeTestGroup, type TestGroup } from '../uml/group.js'
import { isWhole } from '../support/whole.js'
import { whereDeviceMapperIs } from '../uml/where.js'

const mib = 2 ** 20
const diskBytes = 512 * mib
const vg = 'nbsvmcli'
const pool = 'pool'
const tun = '/dev/net/tun'
const nobody = '65534'

whereDeviceMapperIs(import.meta.filename, { diskBytes }, suite)

interface Status {
  readonly pid: number | null
  readonly taps: readonly string[]
  readonly drives: readonly {
    readonly path: string
    readonly virtualBytes: number
    readonly allocatedBytes: number
    readonly health: { readonly state: string; readonly words: string; readonly hints: readonly string[] } | null
  }[]
}

function suite(): void {
  let group: TestGroup
  let tunMode = 0
  const home = makeHome()
  const { folder, nbsvm } = home
  before(() => {
    group = makeTestGroup(vg, diskBytes)
    group.sh(`lvcreate --quiet --type thin-pool --size 64m --name ${pool} ${vg}`)
    // As udev does, where there is one.
    tunMode = fs.statSync(tun).mode
    fs.chmodSync(tun, 0o666)
  })
  after(() => {
    fs.chmodSync(tun, tunMode)
    group.remove()
  })

  const call = (args: readonly string[], as = program): Promise<Result> => {
    const env = { LVM_SYSTEM_DIR: process.env['LVM_SYSTEM_DIR'], TMPDIR: process.env['TMPDIR'] }
    return nbsvm(args, { env, program: as })
  }
  const ok = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await call(args)
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
    return stdout
  }
  const statusOf = async (id: string): Promise<Status> =>
    JSON.parse((await call([id, `vg=${vg}`, 'status', '--json'])).stdout) as Status
  const device = (name: string): string => `/dev/${vg}/${name}`
  const sector = (name: string, number: number): Buffer => {
    const fd = fs.openSync(device(name), 'r')
    const buffer = Buffer.alloc(512)
    fs.readSync(fd, buffer, 0, 512, number * 512)
    fs.closeSync(fd)
    return buffer
  }

  /** The sizes that QEMU tells the guest of its disks. */
  const seenByGuest = async (id: string): Promise<number[]> =>
    withQmp(drawerOf(path.join(folder, 'state'), id).qmp, { timeoutMs: 20_000 }, async (qmp) =>
      (await qmp.execute('query-block')).flatMap(({ inserted }) => inserted?.image['virtual-size'] ?? []),
    )

  test('newimg, snapshot, clone, classic and thin; resize, ls, status', async () => {
    const made = await ok('gold', `vg=${vg}`, 'drive_size=16M', 'newimg')
    assert.equal(made, `${device('nbsvm-gold-0')}\n`)
    fs.writeFileSync(device('nbsvm-gold-0'), bootSector)
    assert.equal(
      await ok('classic', `vg=${vg}`, 'snapshot', 'clone'),
      `${device('nbsvm-classic-0')}\n${device('nbsvm-classic-1')}\n`,
    )
    assert.equal(await ok('base', `vg=${vg}`, `pool=${pool}`, 'clone', 'resize', '32M'), `${device('nbsvm-base-0')}\n`)
    assert.equal(await ok('thin', `vg=${vg}`, `pool=${pool}`, 'gold=base', 'snapshot'), `${device('nbsvm-thin-0')}\n`)
    for (const name of ['nbsvm-classic-0', 'nbsvm-classic-1', 'nbsvm-base-0', 'nbsvm-thin-0'])
      assert.ok(sector(name, 0).equals(bootSector), name)

    const listed = JSON.parse(
      (await nbsvm(['ls', '--json'], { env: { LVM_SYSTEM_DIR: process.env['LVM_SYSTEM_DIR'], vg } })).stdout,
    ) as {
      id: string
      drives: string[]
    }[]
    assert.deepEqual(
      listed.map(({ id, drives }) => [id, drives]),
      [
        ['base', ['nbsvm-base-0']],
        ['classic', ['nbsvm-classic-0', 'nbsvm-classic-1']],
        ['gold', ['nbsvm-gold-0']],
        ['thin', ['nbsvm-thin-0']],
      ],
    )
    const [{ virtualBytes, allocatedBytes, health } = assert.fail()] = (await statusOf('thin')).drives
    assert.equal(virtualBytes, 32 * mib)
    assert.ok(allocatedBytes < mib, `${allocatedBytes} bytes allocated`)
    assert.equal(health?.state, 'fine')
  })

  test('guests on snapshots, each as a user of its own, hold their volume and their tap; what they write does not reach the origin', async (t) => {
    await ok('classic,thin', `vg=${vg}`, 'mem=32', 'usb= ', 'start')
    for (const [id, origin] of [
      ['classic', 'nbsvm-gold-0'],
      ['thin', 'nbsvm-base-0'],
    ] as const) {
      const { pid, drives, taps } = await statusOf(id)
      const seen = look(pid ?? assert.fail(`${id} does not run`))
      t.diagnostic(`${id}: ${describe(seen)}`)
      assert.ok(!seen.uids.includes('0'))
      assert.deepEqual([seen.capabilities, seen.seccomp, seen.noNewPrivs], [[0n, 0n, 0n, 0n, 0n], '2', '1'])
      const held = new Set(seen.files.map(({ fd }) => fs.statSync(`/proc/${pid}/fd/${fd}`).rdev))
      for (const drive of drives) {
        const { rdev, uid } = fs.statSync(drive.path)
        assert.ok(held.has(rdev), drive.path)
        assert.equal(uid, 0, `${drive.path} is still root's`)
      }
      assert.deepEqual(
        seen.files.flatMap(({ tap }) => tap ?? []),
        taps,
      )
      assert.equal(taps.length, 1)
      await until(`${id} to write`, 60_000, () => sector(`nbsvm-${id}-0`, 1).equals(bootSector))
      assert.ok(
        sector(origin, 1).every((byte) => byte === 0),
        `${origin} is as it was`,
      )
    }
    await ok('classic,thin', `vg=${vg}`, 'stop')
    assert.deepEqual(
      fs.readdirSync('/sys/class/net').filter((name) => /^tap-(classic|thin|clas|thin-)/.test(name)),
      [],
    )
  })

  if (isWhole) {
    test('a guest on thin volumes is frozen, forked and goes back to a checkpoint; none of them writes to another', async (t) => {
      const counted = (name: string): number => {
        const found = sector(name, countedAt / 512)
        assert.equal(found.readUInt8(4), 0, `${name}: RAM and volume are of one moment`)
        return found.readUInt32LE(0)
      }
      const goesOn = async (id: string): Promise<void> => {
        const before = counted(`nbsvm-${id}-0`)
        await until(`${id} counts on from ${before}`, 60_000, () => counted(`nbsvm-${id}-0`) > before + 1)
      }
      const bases = (): string[] => group.sh(`lvs --noheadings -o lv_name ${vg}`).match(/nbsvm_base-\S+/g) ?? []
      const image = path.join(folder, 'counting.img')
      fs.writeFileSync(image, Buffer.concat([countingSector, Buffer.alloc(4 * mib - 512)]))
      const small = [`vg=${vg}`, `pool=${pool}`]
      const started = [...small, 'mem=16', 'usb= ', 'network= ', `source=${image}`, 'clone', 'start', '--']
      // Few lines, each of which does much, and few guests at once: there are machines on which each takes seconds.
      await ok('count', ...started, 'freeze', 'checkpoint', 'c', 'pause')
      const all = bases()
      const kept = all.map(counted)
      await ok('f1,f2', ...small, 'gold=count', 'identity=no', 'fork')
      await Promise.all(['f1', 'f2'].map(goesOn))
      const is = counted('nbsvm-count-0')
      await ok('f1,f2', `vg=${vg}`, 'stop')
      const forks = ['nbsvm-f1-0', 'nbsvm-f2-0'].map(counted)
      assert.equal(counted('nbsvm-count-0'), is)
      await ok('count', `vg=${vg}`, 'rollback', 'c', '--yes')
      await goesOn('count')
      t.diagnostic(`kept ${kept.join(' and ')}, was ${is}, is ${counted('nbsvm-count-0')}; forks ${forks.join(' and ')}`)
      assert.deepEqual([all.map(counted), ['nbsvm-f1-0', 'nbsvm-f2-0'].map(counted)], [kept, forks])
      await ok('count,f1,f2', `vg=${vg}`, 'stop', 'rm', '--yes')
      assert.deepEqual(bases(), [])
    })
  }

  test('a user with sudo: volumes by single commands, and a QEMU of his own that has opened them', async (t) => {
    const own = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-user-'))
    fs.cpSync(path.dirname(program), path.join(own, 'dist'), { recursive: true })
    fs.chownSync(own, Number(nobody), Number(nobody))
    fs.chmodSync(own, 0o755)
    const sudo = await makeSudo(own, ['env'])
    t.after(() => {
      sudo.close()
      fs.rmSync(own, { recursive: true })
    })
    const env = {
      PATH: `${sudo.folder}:${process.env['PATH']}`,
      HOME: own,
      NBSVM_HOME: own,
      accel: 'tcg',
      vg,
      mem: '32',
      usb: ' ',
    }
    const drop = ['--reuid', nobody, '--regid', nobody, '--clear-groups', '--', path.join(own, 'dist/nbsvm.cjs')]
    const as = (...args: string[]) => run('setpriv', [...drop, ...args], env)
    const done = async (...args: string[]): Promise<string> => {
      const { status, stdout, stderr } = await as(...args)
      assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
      return stdout
    }
    await done('u', 'gold=gold', 'snapshot')
    const open = `chown ${nobody} ${device('nbsvm-u-0')}`
    assert.match(await done('u', 'explain'), new RegExp(`^sudo ${open}$`, 'm'), 'explain shows it before')
    await done('u', 'start')
    const { pid } = JSON.parse(await done('u', 'status', '--json')) as Status
    const seen = look(pid ?? assert.fail('it does not run'))
    assert.deepEqual([seen.uids[1], seen.seccomp], [nobody, '2'])
    assert.ok(seen.files.some(({ fd }) => fs.statSync(`/proc/${pid}/fd/${fd}`).rdev === fs.statSync(device('nbsvm-u-0')).rdev))
    await done('u', 'stop')
    assert.ok(!(await done('u', 'explain')).includes('chown'), 'once is enough')
    await done('u', 'rm', '--yes')
    const programs = new Set(sudo.calls().map((words) => words.split(' ')[2]))
    t.diagnostic([...programs].join(' '))
    assert.ok(sudo.calls().includes(`-n -- ${open}`))
    assert.ok(!programs.has('qemu-system-x86_64'))
  })

  if (isWhole) wholly()

  test('rm takes the volumes of all of them, and what was hidden under them', async () => {
    await ok(`gold,base,classic,thin${isWhole ? ',full' : ''}`, `vg=${vg}`, 'rm', '--yes')
    assert.equal(group.sh(`lvs --noheadings -o lv_name ${vg}`).trim(), pool)
  })

  function wholly(): void {
    test('resize of a running VM: the volume grows, then the guest sees it, whole extents of it', async () => {
      const made = [`vg=${vg}`, 'mem=32', 'drive_size=16M', 'newimg', 'start', '-S', '--', 'resize', '24000K'] as const
      await ok('live', ...made)
      await ok('live-thin', `pool=${pool}`, ...made)
      for (const id of ['live', 'live-thin']) {
        // Extents are 1 MiB. What the guest sees now is what it will see when it starts again.
        assert.deepEqual(await seenByGuest(id), [24 * mib])
        assert.equal(deviceBytes(device(`nbsvm-${id}-0`)), 24 * mib)
      }
      // Cut off between the two: the same line again finishes it.
      group.sh(`lvextend -qq -L 32m ${vg}/nbsvm-live-0`)
      assert.deepEqual(await seenByGuest('live'), [24 * mib])
      await ok('live', `vg=${vg}`, 'resize', '32M')
      assert.deepEqual(await seenByGuest('live'), [32 * mib])
      const refused = await call(['live', `vg=${vg}`, 'resize', '1T'])
      assert.match(refused.stderr, /cannot resize nbsvm-live-0: .*(insufficient|free space)/is)
      await ok('live,live-thin', `vg=${vg}`, 'stop', 'rm', '--yes')
    })

    test('a snapshot that runs full: start warns while it fills, status tells, and start refuses when it is lost', async () => {
      await ok('full', `vg=${vg}`, 'snapshot_size=4M', 'snapshot')
      const write = (kib: number): string =>
        group.sh(`dd if=/dev/zero of=${device('nbsvm-gold-0')} bs=64k count=${kib / 64} seek=32 oflag=direct status=none`)
      write(3584)
      const started = await call(['full', `vg=${vg}`, 'mem=32', 'start', '-S', '--', 'stop'])
      assert.equal(started.status, 0, started.stderr)
      assert.match(started.stderr, /snapshot nbsvm-full-0 has used 8\d\S* % of its 4M; when it runs full it is lost/)
      const told = (await call(['full', `vg=${vg}`, 'status'])).stdout
      assert.match(told, /when it runs full it is lost\n +give it more: sudo lvextend -L \+4M nbsvmcli\/nbsvm-full-0/)

      write(10_240)
      const refused = await call(['full', `vg=${vg}`, 'mem=32', 'start'])
      assert.equal(refused.status, 1)
      assert.match(refused.stderr, /nbsvm-full-0 ran full at 4M and is invalid: what was in it is lost/)
      assert.match(refused.stderr, /snapshot_size/)
      const lost = await statusOf('full')
      assert.deepEqual([lost.pid, lost.drives[0]?.health?.state], [null, 'lost'])
      assert.match(lost.drives[0]?.health?.hints.join() ?? '', /remove it and make a new one/)
    })

    test("a class file of the script's kind, with its volume group, called by a link", async () => {
      fs.mkdirSync(path.join(folder, 'config'), { recursive: true })
      fs.writeFileSync(
        path.join(folder, 'config/win.class'),
        `# Windows\nvg=${vg}\nmem=\${mem:-2048}\nnet_if=e1000\ndrive_if=ide\ndrive_size=20M\nsnapshot_lv=nbsvm-gold-0\n`,
      )
      const winvm = path.join(folder, 'winvm')
      fs.symlinkSync(program, winvm)
      const made = await call(['foo', 'net_if=rtl8139', 'newimg', 'snapshot', 'explain'], winvm)
      assert.equal(made.status, 0, made.stderr)
      const [first, second, ...explained] = made.stdout.split('\n')
      assert.deepEqual([first, second], [device('nbsvm-win-foo-0'), device('nbsvm-win-foo-1')])
      assert.equal(group.sh(`lvs --noheadings --units m --nosuffix -o lv_size ${vg}/nbsvm-win-foo-0`).trim(), '20.00')
      assert.match(explained.join('\n'), /mem=2048 .*win\.class:3/)
      assert.match(explained.join('\n'), /"driver":"rtl8139"/)
      assert.match(explained.join('\n'), /"driver":"ide-hd"/)
      assert.equal((await call(['foo', 'rm', '--yes'], winvm)).status, 0)
    })

    test('a volume group that is missing, or lvm, ends no list and is said with what to type', async () => {
      const env = { LVM_SYSTEM_DIR: process.env['LVM_SYSTEM_DIR'], vg: 'nogroup' }
      const listed = await nbsvm(['ls', '--json'], { env })
      assert.equal(listed.status, 0, listed.stderr)
      assert.ok((JSON.parse(listed.stdout) as { id: string }[]).some(({ id }) => id === 'gold' || id === 'full'))
      assert.match(listed.stderr, /there is no volume group nogroup\n.*sudo vgs/)
      const refused = await nbsvm(['foo', 'newimg'], { env })
      assert.equal(refused.status, 1)
      assert.match(refused.stderr, /there is no volume group nogroup/)
      // In a mount namespace of its own.
      const hidden = `mount --bind /dev/null "$(command -v lvs)" && exec '${program}' ls --json`
      const without = await run('unshare', ['--mount', 'sh', '-c', hidden], { ...home.env, ...env })
      assert.equal(without.status, 0, without.stderr)
      assert.match(without.stderr, /cannot run lvs, which volumes need: it is not installed\n.*install lvm2/)
    })
  }
}
