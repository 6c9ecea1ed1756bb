import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readRoute } from './route.js'

it('reads what a URL shows, below any base', () => {
  assert.deepEqual(readRoute('/', '/', ''), { kind: 'list' })
  assert.deepEqual(readRoute('/vms/', '/vms', ''), { kind: 'list' })
  assert.deepEqual(readRoute('/vms/', '/vms/new', ''), { kind: 'new' })
  assert.deepEqual(readRoute('/', '/vm/win-foo.1', '#log'), { kind: 'vm', id: 'win-foo.1', tab: 'log', isAlone: false })
  assert.deepEqual(readRoute('/', '/vm/foo/', '#screen-alone'), { kind: 'vm', id: 'foo', tab: 'screen', isAlone: true })
  assert.deepEqual(readRoute('/', '/vm/foo', '#log-alone'), { kind: 'vm', id: 'foo', tab: undefined, isAlone: false })
})

it('shows nothing for what is no VM of any name', () => {
  for (const path of ['/vm/', '/vm/<b>', '/vm/..', '/vm/a/b', '/else', '/vm/%61']) {
    assert.equal(readRoute('/', path, '').kind, 'nowhere', path)
  }
  assert.equal(readRoute('/vms/', '/vm/foo', '').kind, 'nowhere')
})
