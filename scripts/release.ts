// npm run release -- VERSION: sets the version everywhere, gives the changes their date, commits that, and makes what is published, in
// build/release: npm's package, Debian's, the single file, the notes and SHA256SUMS. Nothing is tagged or pushed: it says what to type.
// Everything is built of the commit, in a folder of its own, with the commit's time (SOURCE_DATE_EPOCH). So whoever has the commit makes
// the same bytes by the same line, with the same Node.js, npm and dpkg; a version that stands everywhere already is only built.
import { execFileSync, type ExecFileSyncOptions } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { changesOf, debianVersion, released } from './changes.js'
import { inCode, inLock, inManifest, inPaper, inRecipe, isNewer, isVersion } from './versions.js'
import { releaseNotes } from './notes.js'

const out = path.resolve('build/release')

/** Where the version stands, and how it is set there. */
const places: Readonly<Record<string, (text: string, version: string, before: string) => string>> = {
  'package.json': inManifest,
  'package-lock.json': inLock,
  'src/core/version.ts': inCode,
  'README.md': inPaper,
  'docs/install.md': inPaper,
  'docs/library.md': inPaper,
  'packaging/aur/PKGBUILD': inRecipe,
  'packaging/fedora/nbsvm.spec': inRecipe,
  'packaging/nix/package.nix': inRecipe,
}

main()

function main(): void {
  const [version = '', ...others] = process.argv.slice(2)
  if (!isVersion(version) || others.length > 0) return fail('expected a version: npm run release -- 0.2.0')
  const changed = git('status', '--porcelain')
  if (changed !== '') return fail(`commit these first, or put them away (git stash):\n${changed}`)
  const { version: before } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  if (version !== before && !isNewer(version, before)) return fail(`${version} comes before ${before}, which package.json has`)
  if (setVersion(version, before)) git('commit', '--quiet', '--all', '--message', `release: ${version}`)
  build(version)
  say(`made in build/release:\n${readFileSync(`${out}/SHA256SUMS`, 'utf8')}`)
  say(
    [
      'look at it, and publish it:',
      `  git show; less build/release/NOTES.md`,
      `  git tag -a v${version} -m 'nbsvm ${version}' && git push origin HEAD v${version}`,
      `  npm publish build/release/nbsvm-${version}.tgz`,
    ].join('\n'),
  )
}

/** Writes all places; false where there was nothing to write. All is made before anything is written. */
function setVersion(version: string, before: string): boolean {
  const changelog = readFileSync('CHANGELOG.md', 'utf8')
  const [newest] = changesOf(changelog)
  if (newest?.version === version && newest.date !== undefined && version === before) return false
  // Git's own clock: where somebody sets the commit's date, it is this one's too.
  const today = new Date(Number(git('var', 'GIT_COMMITTER_IDENT').split(' ').at(-2)) * 1000).toISOString().slice(0, 10)
  const written = new Map([['CHANGELOG.md', released(changelog, version, today)]])
  for (const [file, set] of Object.entries(places)) written.set(file, set(readFileSync(file, 'utf8'), version, before))
  for (const [file, text] of written) writeFileSync(file, text)
  return true
}

/** Makes everything beside build/release, which is replaced at the end. */
function build(version: string): void {
  mkdirSync('build', { recursive: true })
  const work = mkdtempSync(path.resolve('build/work.'))
  try {
    const tree = path.join(work, 'tree')
    const made = path.join(work, 'release')
    mkdirSync(tree)
    mkdirSync(made)
    execFileSync('tar', ['-x', '-C', tree], { input: execFileSync('git', ['archive', 'HEAD'], { maxBuffer: 2 ** 30 }) })
    borrow(tree)
    const env = { ...process.env, SOURCE_DATE_EPOCH: git('log', '-1', '--format=%ct'), TZ: 'UTC', LC_ALL: 'C' }
    const step = (...[program = '', ...words]: string[]): void => run(program, words, { cwd: tree, env })
    say('building dist')
    step('scripts/build')
    say("packing npm's package, Debian's, and the single file")
    step('npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', made)
    step('scripts/deb', made)
    step('scripts/single', `${made}/nbsvm-${version}-linux-x64`)
    const files = readdirSync(made).toSorted()
    expectFiles(files, version)
    const sums = files.map((file) => `${sha256(path.join(made, file))}  ${file}\n`).join('')
    const [changes] = changesOf(readFileSync('CHANGELOG.md', 'utf8'))
    writeFileSync(`${made}/SHA256SUMS`, sums)
    writeFileSync(`${made}/NOTES.md`, releaseNotes(version, changes?.text ?? '', sums))
    rmSync(out, { recursive: true, force: true })
    renameSync(made, out)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** What is not in the commit: npm's packages, what the single file is made with, and these scripts as they were compiled. */
function borrow(tree: string): void {
  mkdirSync(`${tree}/build`)
  mkdirSync('build/bun', { recursive: true })
  symlinkSync(path.resolve('node_modules'), `${tree}/node_modules`)
  symlinkSync(path.resolve('build/bun'), `${tree}/build/bun`)
  symlinkSync(path.resolve(import.meta.dirname, '..'), `${tree}/build/js`)
}

function expectFiles(files: readonly string[], version: string): void {
  const expected = [`nbsvm-${version}-linux-x64`, `nbsvm-${version}.tgz`, `nbsvm_${debianVersion(version)}_all.deb`]
  if (!isDeepStrictEqual(files, expected)) throw new Error(`expected ${expected.join(', ')}, and made ${files.join(', ')}`)
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

function git(...words: string[]): string {
  return execFileSync('git', words, { encoding: 'utf8' }).trim()
}

/** What it says is shown only where it fails. */
function run(program: string, words: readonly string[], options: ExecFileSyncOptions): void {
  try {
    execFileSync(program, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer }
    throw new Error(`${program} ${words.join(' ')} failed:\n${String(stdout ?? '')}${String(stderr ?? '')}`, { cause: error })
  }
}

function say(text: string): void {
  console.log(text.trimEnd())
}

function fail(text: string): void {
  console.error(`release: ${text}`)
  process.exitCode = 1
}
