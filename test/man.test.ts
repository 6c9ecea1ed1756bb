// The manual page, rendered by the programs that people read it with.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { manPage } from '../src/action/man.js'
import { helpText } from '../src/action/load.js'
import { actions, commands } from '../src/action/rows.js'
import { settingNames } from '../src/config/settings.js'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-man-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const page = path.join(folder, 'nbsvm.1')
fs.writeFileSync(page, `${await manPage(helpText)}\n`)

const sections = 'NAME,SYNOPSIS,DESCRIPTION,ACTIONS,COMMANDS,SETTINGS,FILES,ENVIRONMENT,EXIT STATUS,EXAMPLES,SEE ALSO'.split(',')

describe('the manual page in man-db', { skip: missing('man') }, () => {
  const { stdout, stderr, status } = render()

  it('renders without a warning', () => assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }))

  it('has the sections that one looks for, in their order', () => {
    assert.deepEqual(stdout.match(/^[A-Z][A-Z ]+$/gm), sections)
  })

  it('names every action, command, flag and setting as an entry of its own', () => {
    const rows = [...actions, ...commands]
    const flags = rows.flatMap((row) => Object.keys(row.flags)).map((flag) => `--${flag}`)
    for (const name of [...rows.map((row) => row.name), ...settingNames.map((name) => `${name}=`), ...flags]) {
      assert.match(stdout, new RegExp(`^ {7,15}${name}(?= |$)`, 'm'), `no entry for ${name}`)
    }
  })

  it('says what help says, with its examples unchanged', async () => {
    for (const { name } of [...actions, ...commands]) {
      const help = await helpText(name)
      const words = stdout.replaceAll(/\s+/g, ' ')
      assert.ok(words.includes(help.replaceAll(/\s+/g, ' ')), help)
    }
  })

  it('keeps the signs that a shell needs: no typographic quote, dash or tilde', () => {
    assert.match(stdout, /nbsvm 'web\*' shutdown/)
    assert.match(stdout, /~\/\.config\/nbsvm/)
    assert.match(stdout, /start -cdrom debian\.iso -- vnc/)
    assert.doesNotMatch(stdout, /[^\n\x20-\x7E]/)
  })

  it('is found by its name where it is installed', { skip: missing('whatis') }, () => {
    const place = path.join(folder, 'share', 'man', 'man1')
    fs.mkdirSync(place, { recursive: true })
    fs.copyFileSync(page, path.join(place, 'nbsvm.1'))
    const found = spawnSync('man', ['-M', path.dirname(place), '-w', 'nbsvm'], { encoding: 'utf8' })
    assert.equal(found.stdout.trim(), path.join(place, 'nbsvm.1'))
  })
})

describe('the manual page in mandoc', { skip: missing('mandoc') }, () => {
  it('has nothing to be complained of, but that it bears no date', () => {
    const { stdout } = spawnSync('mandoc', ['-T', 'lint', page], { encoding: 'utf8' })
    const complaints = stdout.split('\n').filter((line) => line !== '' && !line.includes('missing date'))
    assert.deepEqual(complaints, [])
  })
})

function render(): { stdout: string; stderr: string; status: number | null } {
  const { stdout, stderr, status } = spawnSync('man', ['--warnings', '-E', 'UTF-8', '-l', page], {
    encoding: 'utf8',
    // Wide, so that no example is broken; no pager.
    env: { ...process.env, MANWIDTH: '200', PAGER: 'cat', MANPAGER: 'cat', GROFF_NO_SGR: '', TERM: 'dumb' },
  })
  return { stdout: stdout ?? '', stderr: stderr ?? '', status }
}

function missing(program: string): string | false {
  return spawnSync('which', [program]).status === 0 ? false : `${program} is not installed`
}
