import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { giveFolder } from './give.js'

const skip = process.geteuid?.() === 0 ? false : 'only root can give files away'
const before = { uid: 60_600, gid: 60_600 }
const after = { uid: 60_601, gid: 60_601 }

test(
  "a folder goes to another user with the files that are its owner's, and nothing that its owner has laid there besides",
  { skip },
  () => {
    const root = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-give-'))
    try {
      const folder = path.join(root, 'tpm')
      const inside = (name: string): string => path.join(folder, name)
      const owner = (file: string): number => fs.lstatSync(file).uid
      fs.mkdirSync(folder)
      const secret = path.join(root, 'secret')
      fs.writeFileSync(secret, 'root only', { mode: 0o600 })
      fs.writeFileSync(inside('state'), '')
      fs.chownSync(inside('state'), before.uid, before.gid)
      fs.linkSync(secret, inside('hard'))
      fs.symlinkSync(secret, inside('soft'))
      fs.mkdirSync(inside('sub'))
      fs.chownSync(folder, before.uid, before.gid)
      giveFolder(folder, after)
      assert.deepEqual([folder, inside('state')].map(owner), [after.uid, after.uid])
      assert.deepEqual([secret, inside('hard'), inside('soft'), inside('sub')].map(owner), [0, 0, 0, 0])
      // He has it already.
      fs.writeFileSync(inside('new'), '')
      giveFolder(folder, after)
      assert.equal(owner(inside('new')), 0)
      // Nor through a link in its place.
      fs.symlinkSync(folder, path.join(root, 'link'))
      assert.throws(() => giveFolder(path.join(root, 'link'), before))
    } finally {
      fs.rmSync(root, { recursive: true })
    }
  },
)
