// What root lends to a QEMU of another user lies in a folder of a third, who puts something else into its place.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { lend } from '../src/vm/drive/lend.js'

const skip = process.getuid?.() === 0 ? false : 'needs root'
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-lend-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const borrower = 65_534
const [run, layers] = ['run', 'layers'].map((name) => path.join(folder, name)) as [string, string]
for (const made of [run, layers]) fs.mkdirSync(made)

/** Owner, group and permissions. */
function rights(file: string): string {
  const { uid, gid, mode } = fs.statSync(file)
  return `${uid} ${gid} ${(mode & 0o7777).toString(8)}`
}

/** A file of root's that nobody else may have, and one of a user's beside which he can do what he likes. */
function make(name: string): { victim: string; theirs: string; file: string } {
  const theirs = path.join(folder, name, 'theirs')
  fs.mkdirSync(theirs, { recursive: true })
  const [victim, file] = [path.join(folder, name, 'secret'), path.join(theirs, 'secret')]
  fs.writeFileSync(victim, 'secret', { mode: 0o600 })
  fs.writeFileSync(file, 'disk')
  fs.chmodSync(file, 0o666)
  fs.chownSync(file, 1234, 1234)
  return { victim, theirs, file }
}

describe('a file that is lent', { skip }, () => {
  if (skip === false) fs.chownSync(run, borrower, borrower)
  // QEMU holds the folder open; here we do.
  const held = fs.openSync(layers, 'r')
  after(() => fs.closeSync(held))
  const to = { drawer: { run }, pid: process.pid }
  const loan = (file: string, mode: 'read' | 'write') => ({ file, as: '.lent', mode, layers })

  for (const mode of ['read', 'write'] as const) {
    it(`is its user's to ${mode} for as long as the work takes, and then as it was`, async () => {
      const { file } = make(`plain-${mode}`)
      await lend(to, loan(file, mode), async (name) => {
        assert.equal(fs.readFileSync(name, 'utf8'), 'disk')
        assert.equal(rights(file), mode === 'read' ? `0 ${borrower} 440` : `${borrower} ${borrower} 666`)
      })
      assert.equal(rights(file), '1234 1234 666')
      assert.deepEqual(fs.readdirSync(layers), [])
    })

    it(`to ${mode}, exchanged for a link, or with its folder: what the link leads to stays as it is`, async () => {
      const link = make(`link-${mode}`)
      await lend(to, loan(link.file, mode), async () => {
        fs.renameSync(link.file, `${link.file}.moved`)
        fs.symlinkSync(link.victim, link.file)
      })
      const moved = make(`folder-${mode}`)
      await lend(to, loan(moved.file, mode), async () => {
        fs.renameSync(moved.theirs, `${moved.theirs}.moved`)
        fs.symlinkSync(path.dirname(moved.victim), moved.theirs)
      })
      for (const { victim } of [link, moved]) assert.equal(rights(victim), '0 0 600')
      assert.equal(rights(`${link.file}.moved`), '1234 1234 666')
      assert.equal(rights(path.join(`${moved.theirs}.moved`, 'secret')), '1234 1234 666')
      assert.deepEqual(fs.readdirSync(layers), [])
    })
  }
})
