import assert from 'node:assert/strict'
import { it } from 'node:test'
import { cookieIn, createSessions, keyIn } from './session.js'

const hourMs = 3_600_000

it('swaps a token once, and knows a session by both of its halves', () => {
  const sessions = createSessions()
  const token = sessions.newToken()
  assert.match(token, /^[\w-]{22}$/)
  assert.equal(sessions.enter('x'), undefined)
  const secrets = sessions.enter(token)
  assert.ok(secrets)
  assert.equal(sessions.enter(token), undefined)
  assert.ok(sessions.knows(secrets))
  const { cookie, key } = secrets
  for (const half of [{ cookie }, { key }, {}, { cookie: key, key: cookie }, { cookie, key: `${key}x` }, { cookie: '', key }])
    assert.ok(!sessions.knows(half))
})

it('forgets links that nobody opened, and sessions that nobody used', () => {
  let now = 0
  const sessions = createSessions(() => now)
  const [early, late] = [sessions.newToken(), sessions.newToken()]
  const secrets = sessions.enter(late)
  assert.ok(secrets)
  now += hourMs + 1
  assert.equal(sessions.enter(early), undefined)
  for (let hours = 0; hours < 24; hours += 6) {
    now += 6 * hourMs
    assert.ok(sessions.knows(secrets))
  }
  now += 12 * hourMs + 1
  assert.ok(!sessions.knows(secrets))
})

it('holds few links and sessions', () => {
  const sessions = createSessions()
  const tokens = Array.from({ length: 20 }, () => sessions.newToken())
  assert.deepEqual(
    tokens.map((token) => sessions.enter(token) !== undefined),
    tokens.map((_, at) => at >= 4),
  )
  const entered = Array.from({ length: 100 }, () => sessions.enter(sessions.newToken()))
  assert.equal(entered.filter((secrets) => secrets !== undefined && sessions.knows(secrets)).length, 64)
})

it('finds what a browser sends', () => {
  assert.equal(cookieIn('a=1; nbsvm-x=abc; b=2', 'nbsvm-x'), 'abc')
  assert.equal(cookieIn('nbsvm-xy=abc', 'nbsvm-x'), undefined)
  assert.equal(cookieIn(undefined, 'nbsvm-x'), undefined)
  assert.equal(keyIn('nbsvm, key.a_b-c'), 'a_b-c')
  for (const wrong of [undefined, '', 'nbsvm', 'key.', 'xkey.abc', 'nbsvm key.abc']) assert.equal(keyIn(wrong), undefined)
})
