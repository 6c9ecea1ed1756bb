// A whole Debian, told who it is by its seed and reached by ssh: one boot of each release, whose state the subtests look at in turn.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { Status } from '../src/vm/life/status.js'
import { makeHome, until, type Home, type Result } from './cli.js'
import { freePort } from './guest.js'
import { makePair, movesOn } from './support/debianmove.js'
import { asOrdinaryUser, debianDisk, debianSettings, done, skipDebian, type Release } from './support/debian.js'
import { trySubtests } from './support/inside.js'
import { whyNoMachine } from './support/machines.js'
import { whyNoVirtiofsd } from './support/virtiofsd.js'
import { isWhole } from './support/whole.js'

type Nbsvm = (args: readonly string[], input?: string) => Promise<Result>

interface World {
  readonly release: Release
  readonly home: Home
  readonly nbsvm: Nbsvm
  /** What its nbsvm is run with besides. */
  readonly env: NodeJS.ProcessEnv
  /** What `status` says of who serves the network. */
  readonly helper: string | undefined
}

/** A passt that cannot run, before the one that is installed: QEMU serves the network then. */
function withoutPasst(home: Home): NodeJS.ProcessEnv {
  const bin = `${home.folder}/bin`
  mkdirSync(bin)
  writeFileSync(`${bin}/passt`, '#!/bin/sh\necho "not here" >&2\nexit 1\n', { mode: 0o755 })
  return { PATH: `${bin}:${process.env['PATH']}` }
}

const isRoot = process.geteuid?.() === 0
/** It locks itself into a user namespace, which the kernel does not allow inside a chroot. */
const hasPasst = spawnSync('unshare', ['--user', 'true']).status === 0 && spawnSync('passt', ['--version']).status === 0

/** As an ordinary user, with passt; or as whoever runs the tests, without it (root has none). */
function worldOf(release: Release, isUsers: boolean): World {
  const home = makeHome()
  if (isUsers) return { release, home, nbsvm: asOrdinaryUser(home), env: {}, helper: hasPasst ? 'passt' : undefined }
  const env = isRoot ? {} : withoutPasst(home)
  return { release, home, nbsvm: (args, input = '') => home.nbsvm(args, { env, input }), env, helper: undefined }
}

/** What the record keeps from the first start with it on. */
const secured = ['firmware=secure', 'tpm=yes']

/** That the guest was booted by what is signed, and has a TPM 2.0, by its own word. */
async function isSecured(nbsvm: Nbsvm, id: string): Promise<void> {
  const look = [
    'od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c',
    'cat /sys/class/tpm/tpm0/tpm_version_major',
    'test -c /dev/tpm0',
    'dmesg | grep -io "secure boot enabled"',
  ]
  const words = (await done(nbsvm([id, 'exec', 'sh', '-ec', look.join('\n')]))).split('\n').map((line) => line.trim())
  assert.deepEqual(words, ['1', '2', 'Secure boot enabled', ''])
}

/** Both at once: each has one processor, of which QEMU makes a thread. */
describe('a whole Debian', { concurrency: 2 }, () => {
  if (isWhole) toldAndReached('12', false)
  toldAndReached(isWhole ? '13' : '12', true)
})

function toldAndReached(release: Release, isUsers: boolean): void {
  test(`Debian ${release}: told who it is, and reached by ssh`, { skip: skipDebian(release) }, async (t) => {
    const world = worldOf(release, isUsers)
    const { nbsvm, home } = world
    const userData = `${home.folder}/user-data`
    writeFileSync(userData, '#cloud-config\nwrite_files: [{path: /srv/told, content: "by-user-data\\n"}]\n')
    const password = `${home.folder}/password`
    writeFileSync(password, 'secret\n')
    chmodSync(password, 0o644)
    if (isRoot && isUsers) spawnSync('chown', ['65534:65534', password])
    const shared = `${home.folder}/shared`
    mkdirSync(shared)
    writeFileSync(`${shared}/here`, 'written here\n')
    // Under root QEMU has a user of its own, who must get there.
    chmodSync(shared, 0o777)
    if (isRoot) chmodSync(home.folder, 0o755)
    const told = [
      `image=${debianDisk(release)}`,
      ...(isUsers ? secured : []),
      ...(whyNoVirtiofsd === false ? [`share=${shared}:/srv/shared`] : []),
      'user=alice',
      `user_data=${userData}`,
      ...debianSettings,
    ]
    const ssh = async (...words: string[]): Promise<string> => (await done(nbsvm(['web_1', 'ssh', ...words]))).trim()

    await done(nbsvm(['web_1', ...told, 'newimg']))
    const open = await nbsvm(['web_1', ...told, `password=${password}`, 'start'])
    assert.match(open.stderr, /password: others may read .*\n.*chmod 600/)
    chmodSync(password, 0o600)
    const started = await nbsvm(['web_1', ...told, `password=${password}`, 'start'])
    assert.equal(started.status, 0, started.stderr)
    assert.match(started.stderr, /reach it: nbsvm web_1 ssh/)

    await t.test('hostname, user, what the user has said besides', async () => {
      assert.equal(await ssh('hostname; id -un; cat /srv/told; sudo -n id -u'), 'web-1\nalice\nby-user-data\n0')
    })
    await t.test('the password is there, hashed, and ssh takes none', async () => {
      assert.match(await ssh('sudo getent shadow alice'), /^alice:\$6\$/)
      assert.doesNotMatch(await ssh('sudo grep -r secret /var/lib/cloud || true'), /secret/)
    })
    await t.test('the file system has grown to the drive', async () => {
      assert.ok(Number(await ssh('df --output=size -k / | tail -n 1')) > 2.6 * 2 ** 20)
    })
    await t.test("the status of a command is that of the line, its words are for the guest's shell", async () => {
      assert.equal((await nbsvm(['web_1', 'ssh', 'exit 7'])).status, 7)
      assert.equal(await ssh('echo', 'a  b', '"c  d"', '$((1+1))'), 'a b c  d 2')
      assert.equal((await home.nbsvm(['--version'])).status, 0)
    })
    await t.test('status shows the port, and who serves it', async () => {
      const { forwards, helpers } = JSON.parse(await done(nbsvm(['web_1', 'status', '--json']))) as Status
      assert.deepEqual(
        forwards.map(({ guestPort, protocol, alive }) => ({ guestPort, protocol, alive })),
        [{ guestPort: 22, protocol: 'tcp', alive: true }],
      )
      assert.equal(helpers.find(({ name }) => name === 'passt')?.name, world.helper)
    })
    const noShare = whyNoVirtiofsd && `${whyNoVirtiofsd}, and this kernel has no 9p`
    await t.test('a folder of this machine is mounted by itself, and written from both sides', { skip: noShare }, async () => {
      assert.equal(
        await ssh('cat /srv/shared/here; echo written there | sudo tee /srv/shared/there'),
        'written here\nwritten there',
      )
      assert.equal(readFileSync(`${shared}/there`, 'utf8'), 'written there\n')
    })
    await t.test('a port that is opened while it runs carries bytes, through passt too', async () => {
      const port = await freePort()
      await ssh('echo by-the-guest >/tmp/page; python3 -m http.server -d /tmp 8000 >/dev/null 2>&1 & sleep 2')
      await done(nbsvm(['web_1', 'forward', `${port}:8000`]))
      const page = async (): Promise<string> =>
        (await fetch(`http://127.0.0.1:${port}/page`, { signal: AbortSignal.timeout(20_000) })).text()
      let text = ''
      await until('the page', 60_000, async () => (text = await page().catch(() => '')) !== '')
      assert.equal(text, 'by-the-guest\n')
      const { forwards } = JSON.parse(await done(nbsvm(['web_1', 'status', '--json']))) as Status
      assert.deepEqual(
        forwards.map(({ guestPort, tunnel }) => [guestPort, tunnel]),
        [
          [22, undefined],
          [8000, world.helper === 'passt' ? `tunnel-tcp${port}` : undefined],
        ],
      )
      await done(nbsvm(['web_1', 'forward', '--remove', String(port)]))
      await assert.rejects(page())
    })
    await t.test('others get there by ssh-config', async () => {
      const config = `${home.folder}/config`
      writeFileSync(config, await done(nbsvm(['ssh-config'])))
      const command = ['ssh', '-F', config, 'nbsvm-web_1', 'hostname']
      const drop = isRoot && isUsers ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : []
      const [name = '', ...words] = [...drop, ...command]
      const { stdout, stderr } = spawnSync(name, words, { encoding: 'utf8', env: home.env })
      assert.equal(stdout, 'web-1\n', stderr)
    })
    const files = `${home.folder}/files`
    mkdirSync(files)
    chmodSync(files, 0o777)
    await trySubtests(t, nbsvm, 'web_1', files)
    if (isUsers) {
      await t.test('it has booted under secure boot, and has a TPM', async () => {
        await done(nbsvm(['web_1', 'timeout=120', 'wait', 'agent']))
        await isSecured(nbsvm, 'web_1')
      })
    }
    await t.test('its secrets are for nobody else', () => {
      for (const file of ['state/web_1/seed.iso', 'vms/web_1/ssh_key', 'vms/web_1/ssh_host_ed25519_key'])
        assert.equal(statSync(`${home.folder}/${file}`).mode & 0o077, 0, file)
    })
    const identity =
      'cat /var/lib/cloud/data/instance-id; sudo ssh-keygen -yf /etc/ssh/ssh_host_ed25519_key; cat /proc/sys/kernel/random/boot_id'
    const before = (await ssh(identity)).split('\n')
    const record = JSON.parse(readFileSync(`${home.folder}/vms/web_1/machine.json`, 'utf8')) as { seed: { instanceId: string } }
    assert.equal(record.seed.instanceId, before[0])
    await done(nbsvm(['web_1', 'shutdown']))
    if (!isUsers) {
      const alone = { here: nbsvm, there: nbsvm, listen: undefined }
      const pair = whyNoMachine === false ? await makePair(home, world.env) : alone
      await t.test('the second boot, which is under secure boot, finds the same identity, keys and user', async () => {
        await done(pair.here(['web_1', ...secured, ...debianSettings, 'movable=yes', 'start']))
        const again = (await done(pair.here(['web_1', 'ssh', identity]))).trim().split('\n')
        assert.deepEqual(again.slice(0, 2), before.slice(0, 2))
        assert.notEqual(again[2], before[2])
        await done(pair.here(['web_1', 'timeout=120', 'wait', 'agent']))
        await isSecured(pair.here, 'web_1')
      })
      await t.test(
        'it moves to another machine as it runs, and nothing of it is missing there',
        { skip: whyNoMachine },
        async (t) => {
          await movesOn(t, 'web_1', pair)
          await isSecured(pair.there, 'web_1')
        },
      )
      await done(pair.there(['web_1', 'stop']))
    } else if (isWhole) {
      await t.test('a copy is another: name, instance, host key', async () => {
        await done(nbsvm(['twin', 'gold=web_1', ...debianSettings, 'snapshot', 'start']))
        const words = (await done(nbsvm(['twin', 'ssh', `hostname; ${identity}`]))).trim().split('\n')
        assert.equal(words[0], 'twin')
        assert.notEqual(words[1], before[0])
        assert.notEqual(words[2], before[1])
        await done(nbsvm(['twin', 'stop']))
      })
    }
  })
}
