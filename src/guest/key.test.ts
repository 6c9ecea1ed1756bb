import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { sha512Crypt, saltOf } from './crypt.js'
import { isPublicKey, makeKey } from './key.js'

const folder = mkdtempSync(path.join(tmpdir(), 'nbsvm-key-'))
after(() => rmSync(folder, { recursive: true }))

test('ssh-keygen reads the secret half, and makes the public one of it', () => {
  for (const comment of ['nbsvm web', '', 'a much longer comment, for another padding']) {
    const { secret, public: half } = makeKey(comment)
    const file = path.join(folder, `key${comment.length}`)
    writeFileSync(file, secret, { mode: 0o600 })
    assert.equal(execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' }).trim(), half.trim())
  }
})

test('each key is another', () => {
  assert.notEqual(makeKey('a').secret, makeKey('a').secret)
})

test('a public key is a kind, its base64 and a comment, and nothing that could be a second line', () => {
  assert.ok(isPublicKey(makeKey('me@here').public.trim()))
  assert.ok(isPublicKey('ssh-rsa AAAAB3NzaC1yc2E='))
  assert.ok(isPublicKey('sk-ssh-ed25519@openssh.com AAAA with a comment'))
  for (const wrong of ['', 'ssh-ed25519', 'command="x" ssh-ed25519 AAAA', 'ssh-ed25519 AAAA\nssh-rsa BBBB', 'AAAA', 'ssh-x AAAA'])
    assert.equal(isPublicKey(wrong), false, wrong)
})

test('passwords are hashed as crypt(3) does', () => {
  for (const password of ['Hello world!', ' ', 'ä', 'x'.repeat(65), 'x'.repeat(200)]) {
    const words = ['passwd', '-6', '-salt', 'abcdefgh', '-stdin']
    const expected = execFileSync('openssl', words, { input: `${password}\n`, encoding: 'utf8' }).trim()
    assert.equal(sha512Crypt(password, 'abcdefgh'), expected)
  }
})

test('a salt is of the characters that crypt takes', () => {
  assert.match(saltOf(Buffer.from([0, 63, 64, 255])), /^\.z\.z$/)
})
