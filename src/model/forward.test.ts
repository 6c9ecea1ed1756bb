import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inTheWay, listenText, parseClosings, parseForward, parseForwards, spansOf, type Forward } from './forward.js'

const one = (text: string): Forward | undefined => parseForward(text)[0]

test('ports are read as host, then guest', () => {
  assert.deepEqual(parseForward('2222:22'), [{ hostPort: 2222, guestPort: 22, protocol: 'tcp' }])
  assert.deepEqual(parseForward('udp:5353:53'), [{ hostPort: 5353, guestPort: 53, protocol: 'udp' }])
  assert.deepEqual(parseForward('5353:53/udp'), parseForward('udp:5353:53'))
  for (const text of ['22', 'a:b', '0:22', '2222:70000', '2222:22:1', 'sctp:1:2', '2222:22,x', '1:2/sctp', 'udp:1:2/udp']) {
    assert.throws(() => parseForward(text), /is not a pair of ports/, text)
  }
})

test('an address before them is where they listen; without one that is the loopback', () => {
  assert.deepEqual(one('127.0.0.1:8080:80'), one('8080:80'))
  assert.deepEqual(one('localhost:8080:80'), one('8080:80'))
  assert.equal(one('0.0.0.0:8080:80')?.address, '0.0.0.0')
  assert.equal(one('*:8080:80/udp')?.address, '*')
  assert.deepEqual(one('[FE80::1]:8080:80'), { hostPort: 8080, guestPort: 80, protocol: 'tcp', address: 'fe80::1' })
  for (const address of [
    '1.2.3',
    '1.2.3.256',
    '[1.2.3.4]',
    '[:::]',
    '[1::2::3]',
    '[12345::]',
    '[1:2:3:4:5:6:7]',
    'host',
    '::1',
  ]) {
    assert.throws(() => parseForward(`${address}:8080:80`), /is not a pair of ports/, address)
  }
  assert.equal(listenText(one('[::1]:8080:80') as Forward), '[::1]:8080')
})

test('a range is as many forwards, and both its ends are equally long', () => {
  assert.deepEqual(
    parseForward('8000-8002:80-82/udp').map(({ hostPort, guestPort, protocol }) => [hostPort, guestPort, protocol]),
    [8000, 8001, 8002].map((port) => [port, port - 7920, 'udp']),
  )
  assert.throws(() => parseForward('8000-8010:80'), /not equally long/)
  assert.throws(() => parseForward('8010-8000:8010-8000'), /is not a pair of ports/)
  assert.throws(() => parseForward('1-65535:1-65535'), /at most 256 ports/)
})

test('one port of one address leads to one place', () => {
  const wrong = ['80:1 80:2', '80:1 *:80:1', '0.0.0.0:80:1 80:2', '127.0.0.2:80:1 *:80:1', '80-90:80-90 85:1']
  for (const text of wrong) assert.throws(() => parseForwards(text.split(' ')), /is to lead to two places/, text)
  for (const text of ['80:1 80:1/udp', '80:1 127.0.0.2:80:2']) assert.equal(parseForwards(text.split(' ')).length, 2)
  const there = parseForwards(['127.0.0.2:80:1', '81:81'])
  assert.equal(inTheWay(there, one('*:80:5') as Forward), there[0])
  assert.equal(inTheWay(there, one('80:5') as Forward), undefined)
})

test('neighbours that lead to neighbours are shown as a range', () => {
  const spans = spansOf(parseForwards(['80:80', '8000-8003:8000-8003', '8004:1', '*:8005:2']))
  assert.deepEqual(
    spans.map(({ first, count }) => [first.hostPort, count]),
    [
      [80, 1],
      [8000, 4],
      [8004, 1],
      [8005, 1],
    ],
  )
})

test('what is closed is named as it was opened, or by the port of the host alone', () => {
  assert.deepEqual(parseClosings(['8080:80', '8080', '5353/udp', '[::1]:80']), [
    { hostPort: 8080, guestPort: 80, protocol: 'tcp' },
    { hostPort: 8080, guestPort: 0, protocol: 'tcp' },
    { hostPort: 5353, guestPort: 0, protocol: 'udp' },
    { hostPort: 80, guestPort: 0, protocol: 'tcp', address: '::1' },
  ])
  assert.equal(parseClosings(['0.0.0.0:8000-8010'])[10]?.hostPort, 8010)
  for (const text of ['', 'a', '0', '70000', '80/sctp'])
    assert.throws(() => parseClosings([text]), /is not a pair of ports/, text)
})
