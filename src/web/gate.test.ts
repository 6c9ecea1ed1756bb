import assert from 'node:assert/strict'
import { it } from 'node:test'
import { parseBase } from './base.js'
import { askedFor, gateOf } from './gate.js'

const plain = { path: '/', origin: undefined }

it('knows this machine by its two names, with the port, and by no other', () => {
  const gate = gateOf({ port: 8000, base: plain })
  for (const host of ['127.0.0.1:8000', 'localhost:8000']) assert.ok(gate.knowsHost(host), host)
  const others = [
    undefined,
    '',
    '127.0.0.1',
    '127.0.0.1:80',
    '127.0.0.1:8000.evil.example',
    'evil.example',
    'evil.example:8000',
    'localhost.evil.example:8000',
    '127.evil.example:8000',
    '127.1:8000',
    '0.0.0.0:8000',
    '[::1]:8000',
    'LOCALHOST:8000',
    'localhost:8000 ',
    'user@localhost:8000',
  ]
  for (const host of others) assert.ok(!gate.knowsHost(host), String(host))
})

it('takes a request for our own where its origin is the host that it came to, exactly', () => {
  const gate = gateOf({ port: 8000, base: plain })
  assert.ok(gate.isOwn('http://127.0.0.1:8000', '127.0.0.1:8000'))
  assert.ok(gate.isOwn('http://localhost:8000', 'localhost:8000'))
  const others = [
    undefined,
    'null',
    '',
    'http://127.0.0.1:8001',
    'http://localhost:8000',
    'https://127.0.0.1:8000',
    'http://127.0.0.1:8000/',
  ]
  for (const origin of others) assert.ok(!gate.isOwn(origin, '127.0.0.1:8000'), String(origin))
  // Rebinding: both are the stranger's, and alike.
  assert.ok(!gate.isOwn('http://evil.example:8000', 'evil.example:8000'))
})

it('knows the loopback with any port at a socket, to which ssh leads from anywhere', () => {
  const gate = gateOf({ port: undefined, base: plain })
  for (const host of ['localhost:8000', '127.0.0.1:1', 'localhost']) {
    assert.ok(gate.knowsHost(host), host)
    assert.ok(gate.isOwn(`http://${host}`, host), host)
  }
  for (const host of ['evil.example:8000', 'localhost:', 'localhost:123456', 'localhost:8000x', 'xlocalhost:8000'])
    assert.ok(!gate.knowsHost(host), host)
})

it('knows a reverse proxy by its name, whichever name that passes on', () => {
  const base = parseBase('https://vm.example.org/nbsvm/')
  assert.deepEqual(base, { path: '/nbsvm/', origin: 'https://vm.example.org' })
  assert.ok(base)
  const gate = gateOf({ port: 8000, base })
  for (const host of ['vm.example.org', '127.0.0.1:8000']) {
    assert.ok(gate.knowsHost(host), host)
    assert.ok(gate.isOwn('https://vm.example.org', host), host)
  }
  assert.ok(!gate.isOwn('http://vm.example.org', 'vm.example.org'))
  assert.ok(!gate.isOwn('https://evil.example', 'vm.example.org'))
  assert.ok(!gate.knowsHost('vm.example.org:8000'))
})

it('reads where a page is', () => {
  assert.deepEqual(parseBase('/'), plain)
  assert.deepEqual(parseBase('/a/b'), { path: '/a/b/', origin: undefined })
  assert.deepEqual(parseBase('https://vm.example.org:8443'), { path: '/', origin: 'https://vm.example.org:8443' })
  for (const text of [
    '',
    'a',
    'a/b',
    '//evil.example',
    '/a//b',
    '/a/../b',
    '/a b',
    '/a?b',
    '/a#b',
    'ftp://x',
    'https://u@x/',
    '/"><script>',
  ])
    assert.equal(parseBase(text), undefined, text)
})

it('finds nothing but plain words in a path', () => {
  assert.deepEqual(askedFor('/', '/'), { parts: [], query: '' })
  assert.deepEqual(askedFor('/api/vms/win-web1.x_2/console?how=force', '/'), {
    parts: ['api', 'vms', 'win-web1.x_2', 'console'],
    query: 'how=force',
  })
  assert.deepEqual(askedFor('/vms/api/me', '/vms/'), { parts: ['api', 'me'], query: '' })
  const wrong = [
    '',
    'api/me',
    'http://127.0.0.1:8000/api/me',
    '//api/me',
    '/api//me',
    '/api/me/',
    '/page/..',
    '/page/../index.html',
    '/page/.htaccess',
    '/page/..%2f..%2fetc%2fpasswd',
    '/page/%2e%2e/x',
    '/page/..\\..\\x',
    '/page/a\0b',
    '/page/a?b?c',
    `/${'a'.repeat(600)}`,
    '*',
  ]
  for (const target of wrong) assert.equal(askedFor(target, '/'), undefined, target)
  for (const target of ['/api/me', '/vmsapi/me', '/vms']) assert.equal(askedFor(target, '/vms/'), undefined, target)
})
