// What a release makes of versions and changes; the whole of it is in test/whole/release.test.ts.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
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
