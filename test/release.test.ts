// A release: what it makes of versions and changes, and the whole of it in a copy of this tree, twice.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { changesOf, debianChangelog, debianVersion, released } from '../scripts/changes.js'
import { inCode, inLock, inManifest, inPaper, inRecipe, isNewer, isVersion } from '../scripts/versions.js'

const changelog = `# Changes

## 0.2.0, unreleased

What it is.

- A thing that is so long that it takes more than one line of seventy-eight letters, with a [link](docs/x.md)
  and \`code\`.
- Another.

## 0.1.0, 2026-01-31

- The first.
`

describe('changes', () => {
  test('are read by version, and what is unreleased becomes that of a version and its day', () => {
    assert.deepEqual(
      changesOf(changelog).map(({ version, date }) => [version, date]),
      [
        ['0.2.0', undefined],
        ['0.1.0', '2026-01-31'],
      ],
    )
    const after = released(changelog, '0.3.0', '2027-02-01')
    assert.equal(after, changelog.replace('## 0.2.0, unreleased', '## 0.3.0, 2027-02-01'))
    assert.equal(changesOf('## unreleased\n\n- x\n')[0]?.version, undefined)
  })

  test('are refused where nothing is unreleased, or a heading is of another kind', () => {
    assert.throws(
      () => released(changelog.replace('unreleased', '2026-03-01'), '0.3.0', '2027-02-01'),
      /no part that is unreleased/,
    )
    assert.throws(
      () => released('# Changes\n\n## unreleased\n\n## 0.1.0, 2026-01-31\n\n- x\n', '0.2.0', '2027-02-01'),
      /says nothing/,
    )
    assert.throws(() => changesOf('## Version 3\n'), /found "## Version 3"/)
  })

  test("become Debian's changelog", () => {
    assert.equal(
      debianChangelog(changelog, '0.2.0-rc.1', 'N <n@nbsvm.invalid>', 1_800_000_000),
      `nbsvm (0.2.0~rc.1) unstable; urgency=medium

  * What it is.

  * A thing that is so long that it takes more than one line of seventy-eight
    letters, with a link and \`code\`.

  * Another.

 -- N <n@nbsvm.invalid>  Fri, 15 Jan 2027 08:00:00 +0000

nbsvm (0.1.0) unstable; urgency=medium

  * The first.

 -- N <n@nbsvm.invalid>  Sat, 31 Jan 2026 00:00:00 +0000
`,
    )
  })
})

describe('versions', () => {
  test('have three numbers, and may come before one', () => {
    for (const good of ['0.1.0', '10.20.30', '1.0.0-rc.1']) assert.ok(isVersion(good), good)
    for (const bad of ['', '1', '1.0', '01.0.0', 'v1.0.0', '1.0.0-', '1.0.0-rc', '1.0.0 ', '1.0.0\n'])
      assert.ok(!isVersion(bad), bad)
    assert.equal(debianVersion('1.0.0-rc.1'), '1.0.0~rc.1')
  })

  test('are in this order', () => {
    const order = ['0.1.0', '0.1.1', '0.2.0', '0.10.0', '1.0.0-beta.2', '1.0.0-rc.1', '1.0.0-rc.10', '1.0.0', '1.0.1']
    for (const [at, one] of order.entries())
      for (const [other, two] of order.entries()) assert.equal(isNewer(one, two), at > other, `${one} after ${two}`)
  })

  test('are set where they stand, and nowhere else', () => {
    assert.equal(inManifest('{"name":"x",\n"version": "0.1.0"}', '0.2.0', '0.1.0'), '{"name":"x",\n"version": "0.2.0"}')
    const lock = '{"version": "0.1.0", "packages": {"": {"version": "0.1.0"}, "node_modules/a": {"version": "0.1.0"}}}'
    assert.equal(inLock(lock, '0.2.0', '0.1.0').match(/0\.2\.0/g)?.length, 2)
    assert.match(inLock(lock, '0.2.0', '0.1.0'), /"node_modules\/a": \{"version": "0\.1\.0"/)
    const paper = 'a nbsvm-0.1.0.tgz, nbsvm_0.1.0_all.deb; 0.1.0'
    assert.equal(inPaper(paper, '1.0.0-rc.1', '0.1.0'), 'a nbsvm-1.0.0-rc.1.tgz, nbsvm_1.0.0~rc.1_all.deb; 0.1.0')
    assert.equal(inCode("a version = '0.1.0'", '0.2.0', '0.1.0'), "a version = '0.2.0'")
    assert.equal(inRecipe('pkgver=0.1.0\npkgrel=1', '1.0.0-rc.1', '0.1.0'), 'pkgver=1.0.0_rc.1\npkgrel=1')
    assert.equal(inRecipe('  version = "0.1.0";', '1.0.0-rc.1', '0.1.0'), '  version = "1.0.0-rc.1";')
    assert.throws(() => inManifest('{}', '0.2.0', '0.1.0'), /expected/)
    assert.throws(() => inPaper('nbsvm-0.0.9.tgz', '0.2.0', '0.1.0'), /expected/)
    assert.throws(() => inRecipe('Version: 0.0.9', '0.2.0', '0.1.0'), /0\.0\.9/)
  })
})

describe('npm run release', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-release-'))
  const [first, second] = [path.join(folder, 'first'), path.join(folder, 'a second, elsewhere')]
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    npm_config_cache: path.join(folder, 'cache'),
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@nbsvm.invalid',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@nbsvm.invalid',
  }
  const version = '77.0.0'
  after(() => fs.rmSync(folder, { recursive: true, force: true }))

  const git = (cwd: string, ...words: string[]): string => execFileSync('git', words, { cwd, env, encoding: 'utf8' }).trim()

  function release(cwd: string, ...words: string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync('node', [path.resolve('build/js/scripts/release.js'), ...words], { cwd, env, encoding: 'utf8' })
  }

  /** What a checkout has besides its files: npm's packages, and what the single file is made with. */
  function borrow(tree: string): void {
    fs.symlinkSync(path.resolve('node_modules'), path.join(tree, 'node_modules'))
    fs.mkdirSync(path.join(tree, 'build'))
    if (fs.existsSync('build/bun')) fs.symlinkSync(path.resolve('build/bun'), path.join(tree, 'build/bun'))
  }

  const digests = (tree: string): string =>
    execFileSync('sh', ['-c', 'sha256sum *'], { cwd: path.join(tree, 'build/release'), encoding: 'utf8' })

  test('sets the version everywhere, and makes the same bytes twice', (context) => {
    if (!fs.existsSync('.git')) return context.skip('this tree is not in git')
    if (spawnSync('dpkg-deb', ['--version']).status !== 0) return context.skip('dpkg-deb is not installed')
    fs.mkdirSync(first)
    execFileSync('sh', [
      '-c',
      'git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$1"',
      'sh',
      first,
    ])
    git(first, 'init', '--quiet')
    git(first, 'add', '.')
    git(first, 'commit', '--quiet', '--message', 'all of it')
    borrow(first)

    const wrong = release(first, '0.0.1')
    assert.equal(wrong.status, 1)
    assert.match(wrong.stderr, /0\.0\.1 comes before/)
    const made = release(first, version)
    assert.equal(made.status, 0, made.stderr)
    assert.match(made.stdout, /git tag -a v77\.0\.0 .* && git push origin HEAD v77\.0\.0/)
    assert.equal(git(first, 'tag'), '')
    assert.equal(git(first, 'log', '--format=%s'), `release: ${version}\nall of it`)
    assert.equal(git(first, 'status', '--porcelain'), '')
    const { version: before } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as { version: string }
    const left = spawnSync('git', ['grep', '-nF', before, '--', ':!*test*', ':!CHANGELOG.md', ':!package-lock.json'], {
      cwd: first,
      env,
    })
    assert.equal(left.stdout.toString(), '')

    execFileSync('git', ['clone', '--quiet', first, second], { env })
    borrow(second)
    const again = release(second, version)
    assert.equal(again.status, 0, again.stderr)
    assert.equal(git(second, 'log', '--format=%H'), git(first, 'log', '--format=%H'))
    assert.equal(digests(second), digests(first))
    const names = digests(first).match(/\S+$/gm)
    assert.deepEqual(names, [
      'NOTES.md',
      'SHA256SUMS',
      `nbsvm-${version}-linux-x64`,
      `nbsvm-${version}.tgz`,
      `nbsvm_${version}_all.deb`,
    ])
  })
})
