import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '../core/errors.js'
import { checkTransport, isLoopback, parseContentRange, parseLength, proxyFor, redirected, strongEtag } from './transport.js'

const refused = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof Failure)
    return error.message
  }
  return ''
}

test('http is for what is checked otherwise, and for this machine', () => {
  const remote = new URL('http://example.org/x')
  assert.match(
    refused(() => checkTransport(remote, 'nothing')),
    /over http/,
  )
  for (const decidedBy of ['digest', 'signature'] as const) checkTransport(remote, decidedBy)
  checkTransport(new URL('https://example.org/x'), 'nothing')
  for (const host of ['127.0.0.1', '127.1.2.3:80', 'localhost', '[::1]:8080'])
    checkTransport(new URL(`http://${host}/`), 'nothing')
  for (const host of ['127.0.0.1.example.org', 'localhost.example.org', '[::2]', '128.0.0.1']) {
    assert.equal(isLoopback(new URL(`http://${host}/`)), false, host)
  }
  assert.match(
    refused(() => checkTransport(new URL('ftp://example.org/x'), 'digest')),
    /only http and https/,
  )
})

test('a redirection leads within what is allowed', () => {
  const secure = new URL('https://example.org/a/b')
  assert.equal(redirected(secure, '../c', 'nothing').href, 'https://example.org/c')
  assert.equal(redirected(secure, 'https://mirror.example/x#y', 'nothing').href, 'https://mirror.example/x')
  assert.match(
    refused(() => redirected(secure, 'http://example.org/c', 'digest')),
    /from https to http/,
  )
  assert.match(
    refused(() => redirected(secure, 'file:///etc/passwd', 'digest')),
    /from https to/,
  )
  assert.match(
    refused(() => redirected(secure, undefined, 'digest')),
    /nowhere/,
  )
  assert.match(
    refused(() => redirected(secure, 'https://', 'digest')),
    /nowhere/,
  )
  assert.match(
    refused(() => redirected(new URL('http://127.0.0.1/'), 'http://example.org/', 'nothing')),
    /over http/,
  )
})

test('the proxy is the one that curl would take', () => {
  const proxy = (url: string, environment: Record<string, string>): string | undefined =>
    proxyFor(new URL(url), environment)?.href
  assert.equal(proxy('https://h/', { https_proxy: 'http://p:3128' }), 'http://p:3128/')
  assert.equal(proxy('https://h/', { HTTPS_PROXY: 'p:3128' }), 'http://p:3128/')
  assert.equal(proxy('https://h/', { http_proxy: 'http://p' }), undefined)
  assert.equal(proxy('http://h/', { http_proxy: 'http://p' }), 'http://p/')
  // A visitor's header, where nbsvm is run by a CGI script.
  assert.equal(proxy('http://h/', { HTTP_PROXY: 'http://p' }), undefined)
  assert.equal(proxy('http://h/', { ALL_PROXY: 'https://p' }), 'https://p/')
  for (const no of ['*', 'h.example', '.example', 'example', '*.example', 'x, h.example:443 ', 'H.EXAMPLE']) {
    assert.equal(proxy('https://h.example:443/', { https_proxy: 'http://p', no_proxy: no.replace(':443', '') }), undefined, no)
  }
  for (const no of ['', 'xample', 'h.exampl', 'h.example:444', 'ample,other']) {
    assert.equal(proxy('https://h.example:445/', { https_proxy: 'http://p', NO_PROXY: no }), 'http://p/', no)
  }
  assert.match(
    refused(() => proxy('https://h/', { https_proxy: 'socks5://me:secret@p:1' })),
    /"socks5:\/\/\.\.\.@p:1" is not an HTTP proxy/,
  )
})

test('what a server says of a file is believed as far as it can mean something', () => {
  assert.equal(strongEtag('"abc"'), '"abc"')
  for (const text of [undefined, '', 'W/"abc"', 'abc', '"a"b"', `"${'a'.repeat(300)}"`, '"a\n"'])
    assert.equal(strongEtag(text), undefined)
  assert.deepEqual(parseContentRange('bytes 100-199/1000'), { start: 100, total: 1000 })
  for (const text of [
    undefined,
    'bytes 100-99/1000',
    'bytes 0-1000/1000',
    'bytes 0-9/*',
    'bytes */10',
    'lines 0-9/10',
    `bytes 0-9/${'9'.repeat(20)}`,
  ])
    assert.equal(parseContentRange(text), undefined)
  assert.equal(parseLength('42'), 42)
  for (const text of [undefined, '', '-1', '1e9', '9'.repeat(16)]) assert.equal(parseLength(text), undefined)
})
