// What `npm pack` makes, installed into a prefix of one's own: the program under both names, the library, the papers.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'

const project = process.cwd()
const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'nbsvm-pack-')))
after(() => rmSync(folder, { recursive: true, force: true }))
const prefix = path.join(folder, 'prefix')
const bin = path.join(prefix, 'bin')
const installed = path.join(prefix, 'lib/node_modules/nbsvm')

function run(program: string, ...args: readonly string[]): string {
  const env = { ...process.env, NBSVM_HOME: path.join(folder, 'home'), PATH: `${bin}:${process.env['PATH'] ?? ''}` }
  return execFileSync(program, args, { cwd: folder, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

test('the package installs without the network, and runs as nbsvm and as a link to it', () => {
  run('npm', 'pack', project, '--ignore-scripts')
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
  run('npm', 'install', '--global', '--offline', '--prefix', prefix, path.join(folder, archive))
  symlinkSync('nbsvm', path.join(bin, 'winvm'))
  assert.match(run('nbsvm', 'version'), /^nbsvm \d/)
  assert.match(run('nbsvm', 'help'), /Actions/)
  assert.match(run('winvm', 'foo', 'explain'), /-name guest=win-foo/)
})

test('man finds the page, and the completion scripts are there', () => {
  assert.equal(realpathSync(run('man', '-w', 'nbsvm').trim()), path.join(installed, 'dist/man/nbsvm.1'))
  for (const name of ['nbsvm.bash', '_nbsvm', 'nbsvm.fish'])
    assert.ok(existsSync(path.join(installed, 'dist/completion', name)), name)
})

test('the library loads by its name, from ES modules and from CommonJS', () => {
  mkdirSync(path.join(folder, 'node_modules'))
  symlinkSync(installed, path.join(folder, 'node_modules/nbsvm'))
  const print = 'console.log(typeof vm)'
  assert.equal(run('node', '--input-type=module', '-e', `import { vm } from 'nbsvm'; ${print}`), 'function\n')
  assert.equal(run('node', '-e', `const { vm } = require('nbsvm'); ${print}`), 'function\n')
})
