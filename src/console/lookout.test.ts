import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLookout, findText, type Lookout } from './lookout.js'

function told(...pieces: readonly string[]): Lookout {
  const lookout = createLookout()
  lookout.begin()
  for (const piece of pieces) lookout.push(Buffer.from(piece))
  return lookout
}

test('a text is found where it ends, also in the midst of a piece', () => {
  assert.equal(told('boot\r\nlogin: root\r\n').seek(findText('login:')), 12)
  assert.equal(told('log', 'in', ': ').seek(findText('login: ')), 7)
  assert.equal(told('log').seek(findText('login: ')), undefined)
})

test('what came before is not found, only known', () => {
  const lookout = createLookout()
  lookout.push(Buffer.from('login: '))
  lookout.begin()
  assert.equal(lookout.seek(findText('login:')), undefined)
  assert.equal(lookout.wasThere(findText('login:')), true)
  assert.equal(lookout.wasThere(findText('Password:')), false)
  lookout.push(Buffer.from('\r\nlogin: '))
  assert.equal(lookout.seek(findText('login:')), 15)
})

test('a menu of which only what differs is drawn again is read as the screen shows it', () => {
  const lookout = createLookout()
  lookout.push(Buffer.from('\u001B[2J\u001B[3;5HSelect a language\u001B[5;5HEnglish'))
  lookout.begin()
  lookout.push(Buffer.from('\u001B[3;12Hyour location'))
  assert.equal(lookout.seek(findText('Select your location')), lookout.count)
  assert.equal(lookout.seek(findText('English')), undefined)
})

test('what is painted over with the same is not new on the screen', () => {
  const lookout = createLookout()
  lookout.push(Buffer.from('\u001B[2J\u001B[3;5HSelect a language'))
  lookout.begin()
  lookout.push(Buffer.from('\u001B[3;5HSele\u001B[3;9Hct a la\u001B[3;16Hnguage'))
  assert.equal(lookout.seek(findText('Select a language')), undefined)
})

test('the screen is shown as it is', () => {
  assert.deepEqual(told('\u001B[2J\u001B[3;5Hone\u001B[5;3Htwo').lines(), ['    one', '', '  two'])
})

test('an expression that takes too long is told', () => {
  assert.equal(
    told('x').seek(() => undefined),
    'too slow',
  )
})
