// The documents say what the code says, and what they point at is there.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { actions, commands } from '../src/action/rows.js'
import { tablesOf, withTables } from '../scripts/docs.js'

const guides = ['docs/fork.md', 'docs/library.md', 'docs/pacemaker.md', 'docs/scale.md', 'docs/threats.md', 'docs/web.md']
const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SPECIFICATION.md', 'CHANGELOG.md', ...guides]
const read = (file: string): string => fs.readFileSync(file, 'utf8')

describe('the tables', () => {
  for (const file of Object.keys(tablesOf)) {
    it(`of ${file} are those of the code; else: npm run docs`, () => assert.equal(read(file), withTables(read(file), file)))
  }
})

describe('the documents', () => {
  for (const file of documents) {
    it(`${file} names only files and folders that exist`, () => {
      const missing = pathsIn(file).filter((name) => !fs.existsSync(name))
      assert.deepEqual(missing, [])
    })

    it(`${file} names only npm scripts that exist`, () => {
      const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
      const named = [...read(file).matchAll(/npm (?:run )?(?<name>[a-z]+)/g)].map(({ groups }) => groups?.['name'] ?? '')
      const own = named.filter((name) => !['install', 'pack', 'ci', 'registry', 'scripts'].includes(name))
      assert.deepEqual(
        own.filter((name) => scripts[name] === undefined),
        [],
      )
    })

    it(`${file} fits the page`, () => {
      const long = read(file)
        .split('\n')
        .filter((line) => line.length > 130 && !line.startsWith('|'))
      assert.deepEqual(long, [])
    })
  }

  it('every action and command is in the change log', () => {
    const text = read('CHANGELOG.md')
    const missing = [...actions, ...commands].filter(({ name }) => !text.includes(`\`${name}\``))
    assert.deepEqual(
      missing.map(({ name }) => name),
      [],
    )
  })

  it('each promise is proved by a test that is there, or says that it is not', () => {
    const rows = read('SPECIFICATION.md')
      .split('\n')
      .filter((line) => /^\| [^-|]/.test(line))
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .filter(([, promise]) => promise !== 'promise')
    assert.ok(rows.length > 20)
    for (const [, promise, proof = ''] of rows) {
      assert.match(proof, /`(test|src|bench)\/[^`]+`|not proved/, `${promise}: ${proof}`)
    }
  })
})

/** Links, as seen from the document, and code that looks like a path of this repository. */
function pathsIn(file: string): string[] {
  const text = read(file)
  const targets = [...text.matchAll(/\]\((?<target>[^)#:]+)\)/g)].map(({ groups }) => groups?.['target'] ?? '')
  const links = targets.map((target) => path.join(path.dirname(file), target))
  const roots = '(?:src|test|bench|scripts|cli|action|vm|config|qemu|store|net|console|sys|core)'
  const code = [...text.matchAll(new RegExp(`\`(?<name>${roots}/[a-z0-9./-]*)\``, 'g'))].map(
    ({ groups }) => groups?.['name'] ?? '',
  )
  const inSource = (name: string): string => (/^(?:src|test|bench|scripts)\//.test(name) ? name : path.join('src', name))
  return [...links, ...code.filter((name) => !name.includes('NAME')).map(inSource)]
}
