// What a whole guest is asked to do by its agent, and by whichever way `cp` takes.
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import type { TestContext } from 'node:test'
import type { Status } from '../../src/vm/life/status.js'
import { until, type Result } from '../cli.js'
import { done } from './debian.js'

type Nbsvm = (args: readonly string[], input?: string) => Promise<Result>

/** The subtests for the VM `id`, whose ssh logs in as a user that may become root. `folder` is for files of the host. */
export async function trySubtests(t: TestContext, nbsvm: Nbsvm, id: string, folder: string): Promise<void> {
  const exec = (words: readonly string[], input?: string): Promise<Result> => nbsvm([id, 'exec', ...words], input)
  await done(nbsvm([id, 'timeout=120', 'wait', 'agent']))

  await t.test('exec: arguments as they are, the exit status, 10 MB in and out', async () => {
    const words = [' a  b ', '', `q'"\\$x\``, 'two\nlines\n', 'zwölf 🥊', '-n']
    const { stdout } = await exec(['sh', '-c', 'for word; do printf "<%s>" "$word"; done', 'sh', ...words])
    assert.equal(stdout, words.map((word) => `<${word}>`).join(''))
    assert.equal((await exec(['sh', '-c', 'exit 7'])).status, 7)
    assert.equal((await exec(['nosuch'])).status, 127)
    const text = randomBytes(15 * 2 ** 19).toString('base64')
    const whole = await exec(['cat'], text)
    assert.equal(whole.status, 0, whole.stderr)
    assert.ok(whole.stdout === text)
  })

  await t.test('cp: both ways, by the agent and by ssh, byte for byte, with modes', async () => {
    const site = `${folder}/site`
    mkdirSync(site, { recursive: true })
    const bytes = randomBytes(6 * 2 ** 20)
    writeFileSync(`${site}/large`, bytes)
    writeFileSync(`${site}/run.sh`, '#!/bin/sh\n')
    chmodSync(`${site}/run.sh`, 0o750)
    symlinkSync('large', `${site}/link`)
    // Whoever runs nbsvm, an ordinary user for root's tests, may read what is copied.
    const { uid, gid } = statSync(path.dirname(folder))
    for (const name of ['', '/large', '/run.sh']) chownSync(site + name, uid, gid)
    // Little goes by the agent, much by ssh, and what comes by ssh: as root either way.
    await done(nbsvm([id, 'cp', `${site}/run.sh`, ':/srv/small']))
    const logins = async (): Promise<number> =>
      Number(await done(exec(['sh', '-c', 'journalctl -q -t sshd -t sshd-session | grep -c "Accepted publickey"'])))
    const before = await logins()
    await done(nbsvm([id, 'cp', site, ':/srv']))
    // None where the machine is so busy that ssh says nothing in time.
    assert.ok((await logins()) - before <= 1)
    const looks = 'cd /srv; stat -c "%n %a %U" small site site/*; sha256sum <site/large'
    const there = await done(exec(['sh', '-c', looks]))
    const modes = ['small 750 root', 'site 755 root', 'site/large 644 root', 'site/link 777 root', 'site/run.sh 750 root']
    assert.deepEqual(there.split('\n').slice(0, 5), modes)
    await done(nbsvm([id, 'cp', ':/srv/site', `${folder}/back`]))
    assert.ok(readFileSync(`${folder}/back/large`).equals(bytes))
    assert.equal(statSync(`${folder}/back/run.sh`).mode & 0o777, 0o750)
    // Where ssh does not lead to root, the agent does.
    await done(exec(['sh', '-c', 'chmod 600 /srv/small; mv /etc/sudoers.d /etc/sudoers.away']))
    await done(nbsvm([id, 'cp', ':/srv/small', `${folder}/roots`]))
    await done(exec(['sh', '-c', 'chmod 750 /srv/small; mv /etc/sudoers.away /etc/sudoers.d']))
    assert.equal(readFileSync(`${folder}/roots`, 'utf8'), '#!/bin/sh\n')
  })

  await t.test('status tells the name, the system and the address that the guest says it has', async () => {
    let guest: Status['guest'] | undefined
    // Status waits only a moment for a guest that is busy.
    await until('its agent answers at once', 60_000, async () => {
      guest = (JSON.parse(await done(nbsvm([id, 'status', '--json']))) as Status).guest
      return (guest?.os ?? '') !== ''
    })
    assert.match(guest?.os ?? '', /^Debian GNU\/Linux/)
    assert.equal(guest?.hostname, id.replace('_', '-'))
    assert.ok((guest?.addresses.length ?? 0) > 0)
  })

  await t.test('without its agent cp goes by ssh alone, and exec says what is missing', async () => {
    await done(nbsvm([id, 'ssh', 'sudo systemctl stop qemu-guest-agent']))
    const { status, stderr } = await exec(['true'])
    assert.equal(status, 255)
    assert.match(stderr, /no guest agent is running there/)
    await done(nbsvm([id, 'cp', ':/srv/small', `${folder}/small`]))
    await done(nbsvm([id, 'cp', `${folder}/small`, ':/srv/again']))
    assert.equal(statSync(`${folder}/small`).mode & 0o777, 0o750)
    await done(nbsvm([id, 'ssh', 'sudo cmp /srv/small /srv/again && sudo systemctl start qemu-guest-agent']))
  })
}
