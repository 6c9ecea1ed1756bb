// What users get, on a bare Debian 13: the package installed, used by root and by a user, upgraded while VMs run, removed and purged; and
// the single file, without Node.js.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { run } from '../cli.js'
import { openBare, withoutBare, type Bare } from '../support/bare.js'

const why = spawnSync('dpkg-deb', ['--version']).status === 0 ? undefined : 'dpkg-deb is not installed'
const { version } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as { version: string }
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-deb-'))
let deb: string

before(() => {
  if (why === undefined) deb = execFileSync(path.resolve('scripts/deb'), [folder], { encoding: 'utf8' }).trim()
})
after(() => fs.rmSync(folder, { recursive: true, force: true }))

describe("Debian's package", { skip: why ?? false }, () => {
  test('has nothing that lintian warns of', async (context) => {
    if (!fs.existsSync('build/lintian')) return context.skip('lintian is not in build/lintian')
    const { status, stdout, stderr } = await run(path.resolve('scripts/lintian'), [deb], { PATH: process.env['PATH'] })
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
  })
})

describe('on a bare Debian 13', { skip: why ?? withoutBare() ?? false }, () => {
  let bare: Bare
  let user: string

  before(async () => {
    bare = await openBare()
    fs.mkdirSync(path.join(bare.folder, 'work/build/guest'), { recursive: true })
    fs.mkdirSync(path.join(bare.folder, 'work/scripts'))
    fs.copyFileSync('build/guest/disk.qcow2', path.join(bare.folder, 'work/build/guest/disk.qcow2'))
    fs.copyFileSync('scripts/demo', path.join(bare.folder, 'work/scripts/demo'))
    fs.copyFileSync(deb, path.join(bare.folder, 'work/new.deb'))
    fs.copyFileSync(older(), path.join(bare.folder, 'work/old.deb'))
    user = 'alice'
    await bare.done(`useradd --create-home ${user}`)
  })
  after(() => bare?.close())

  const apt = (line: string): Promise<string> =>
    bare.done(`DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends ${line} 2>&1`)
  const isThere = (file: string): boolean => fs.existsSync(path.join(bare.folder, file))
  const pidOf = (file: string): Promise<string> => bare.done(`cat ${file}`)

  test('apt installs it, with its papers, completions and user, and nothing in the places of VMs', async () => {
    await apt('install /work/old.deb')
    assert.equal(await bare.done('nbsvm version'), 'nbsvm 0.0.1\n')
    for (const file of [
      'usr/share/man/man1/nbsvm.1.gz',
      'usr/share/bash-completion/completions/nbsvm',
      'usr/share/zsh/vendor-completions/_nbsvm',
      'usr/share/fish/vendor_completions.d/nbsvm.fish',
      'usr/share/doc/nbsvm/copyright',
      'usr/share/doc/nbsvm/changelog.gz',
    ])
      assert.ok(isThere(file), file)
    assert.match(await bare.done('getent passwd nbsvm'), /^nbsvm:x:\d{3}:\d+::\/nonexistent:\/usr\/sbin\/nologin$/m)
    assert.equal(await bare.done("dpkg-query -W -f '${Conffiles}' nbsvm; ls -A /etc/nbsvm"), '')
    assert.ok(!isThere('var/lib/nbsvm'))
    assert.equal(await bare.done(`cd /tmp && node -p "typeof require('nbsvm').host"`), 'function\n')
  })

  test('root and a user make and start VMs with it', async () => {
    const begin = 'source=/work/build/guest/disk.qcow2 clone start'
    await bare.done(`echo 'mem=256' >/etc/nbsvm/small.class`)
    await Promise.all([
      bare.done(`nbsvm kept class=small network=none run_as=nbsvm ${begin} wait 'guest# ' --timeout=300`),
      bare.done(`nbsvm foo class=small ${begin} wait 'guest# ' --timeout=300`, user),
    ])
    const pid = (await pidOf('/var/lib/nbsvm/small-kept/pid')).trim()
    assert.match(await bare.done(`ps -o user= -p ${pid} 2>/dev/null || stat -c %U /proc/${pid}`), /^nbsvm/)
  })

  test('an upgrade leaves VMs that run alone, and takes them over', async () => {
    const files = ['/var/lib/nbsvm/small-kept/pid', `/home/${user}/.local/state/nbsvm/small-foo/pid`]
    const pids = await Promise.all(files.map(pidOf))
    await apt('install /work/new.deb')
    assert.equal(await bare.done('nbsvm version'), `nbsvm ${version}\n`)
    assert.deepEqual(await Promise.all(files.map(pidOf)), pids)
    await bare.done(`nbsvm foo class=small type 'echo still $((6 * 7))\\n' wait 'still 42' --timeout=300`, user)
    await bare.done(`nbsvm kept class=small type 'echo here $((6 * 7))\\n' wait 'here 42' --timeout=300`)
    await bare.done('nbsvm foo class=small stop rm --yes', user)
    assert.equal(await bare.done('nbsvm ls --json', user), '[]\n')
  })

  test('without it a VM goes on; purged, it leaves drives and settings, and says where', async () => {
    await apt('remove nbsvm')
    assert.ok(!isThere('usr/bin/nbsvm'))
    const pid = (await pidOf('/var/lib/nbsvm/small-kept/pid')).trim()
    await bare.done(`kill -0 ${pid}`)
    const said = await apt('purge nbsvm')
    assert.match(said, /nbsvm: \/var\/lib\/nbsvm is left, with what is in it; to remove it: rm -r \/var\/lib\/nbsvm/)
    await bare.done(`kill -0 ${pid}`)
    assert.ok(isThere('var/lib/nbsvm/drives/nbsvm-small-kept-0.qcow2'))
    assert.ok(isThere('etc/nbsvm/small.class'))
    await apt('install /work/new.deb')
    assert.match(await bare.done('nbsvm'), /^small-kept +running/m)
    await bare.done('nbsvm kept class=small stop rm --yes; rm /etc/nbsvm/small.class')
  })

  test('purged when there is no VM, it leaves nothing', async () => {
    const said = await apt('purge nbsvm')
    assert.doesNotMatch(said, /is left/)
    assert.deepEqual(
      (await bare.done('find / -xdev -name "*nbsvm*" -not -path "/proc/*" -not -path "/work/*" -not -path "/home/*"')).trim(),
      '',
    )
  })

  test('the single file does the demo, for a user and without Node.js', async (context) => {
    if (!fs.existsSync('build/bun')) return context.skip('what it is made with is not there: scripts/single get')
    execFileSync(path.resolve('scripts/single'), [path.join(bare.folder, 'usr/local/bin/nbsvm')])
    await bare.done('dpkg --force-depends --remove nodejs >/dev/null')
    assert.equal((await bare.sh('node --version')).status, 127)
    const env = 'NBSVM=/usr/local/bin/nbsvm'
    const shown = await bare.done(`cd /work && ${env} scripts/demo`, user)
    assert.match(shown, /written in demo/)
    assert.match(shown, /Nothing is left of it/)
    assert.equal(await bare.done('nbsvm version', user), `nbsvm ${version}\n`)
  })
})

/** The package as that of a version before. */
function older(): string {
  const tree = path.join(folder, 'older')
  execFileSync('dpkg-deb', ['--raw-extract', deb, tree])
  const change = (file: string, from: string, to: string): void => {
    const text = fs.readFileSync(path.join(tree, file), 'utf8')
    assert.ok(text.includes(from), file)
    fs.writeFileSync(path.join(tree, file), text.replace(from, to))
  }
  change('DEBIAN/control', `Version: ${version.replace('-', '~')}`, 'Version: 0.0.1')
  change('usr/share/nodejs/nbsvm/dist/chunk/program.cjs', `version=\`${version}\``, 'version=`0.0.1`')
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', tree, `${tree}.deb`])
  return `${tree}.deb`
}
