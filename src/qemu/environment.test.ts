import assert from 'node:assert/strict'
import { test } from 'node:test'
import { qemuEnvironment } from './environment.js'

const mine = {
  PATH: '/usr/bin',
  LANG: 'C.UTF-8',
  LC_ALL: 'C',
  TZ: 'UTC',
  HOME: '/root',
  DISPLAY: ':0',
  XDG_RUNTIME_DIR: '/run/user/0',
  AWS_SECRET_ACCESS_KEY: 'x',
  SSH_AUTH_SOCK: '/tmp/agent',
  LD_PRELOAD: '/tmp/x.so',
  PASSWORD: 'x',
  HOMEBREW: 'x',
  UNSET: undefined,
}

test('QEMU gets what a window needs where it runs as the caller, and no secret', () => {
  const names = ['PATH', 'LANG', 'LC_ALL', 'TZ', 'HOME', 'DISPLAY', 'XDG_RUNTIME_DIR']
  assert.deepEqual(Object.keys(qemuEnvironment(mine, { isOwnUser: true })), names)
})

test("QEMU as another user gets nothing that is the caller's", () => {
  const { PATH, LANG, LC_ALL, TZ } = mine
  assert.deepEqual(qemuEnvironment(mine, { isOwnUser: false }), { PATH, LANG, LC_ALL, TZ })
})
