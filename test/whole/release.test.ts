// A whole release in a copy of this tree, twice.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'

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
