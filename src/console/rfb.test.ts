import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makePassword, passwordFile } from './rfb.js'

test('the file is what vncpasswd writes', () => {
  // The password `password` in countless ~/.vnc/passwd.
  assert.equal(passwordFile('password').toString('hex'), 'dbd83cfd727a1458')
  assert.equal(passwordFile('').length, 8)
})

test('each password is another, and can be typed', () => {
  const many = Array.from({ length: 200 }, makePassword)
  assert.equal(new Set(many).size, 200)
  for (const one of many) assert.match(one, /^[a-km-np-z2-9]{8}$/)
})
