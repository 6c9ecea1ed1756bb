import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generate } from './generate.js'

test('gives what work gives, one after the other, and waits until the next is wanted', async () => {
  const said: string[] = []
  const numbers = generate<number>(async (give) => {
    for (const number of [1, 2, 3]) {
      await give(number)
      said.push(`given ${number}`)
    }
  })
  for await (const number of numbers) {
    said.push(`taken ${number}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.deepEqual(said, ['taken 1', 'given 1', 'taken 2', 'given 2', 'taken 3', 'given 3'])
})

test('throws what work throws, behind what it has given', async () => {
  const broken = generate<number>(async (give) => {
    await give(1)
    throw new Error('broken')
  })
  assert.deepEqual(await broken.next(), { value: 1, done: false })
  await assert.rejects(broken.next(), /broken/)
  await assert.rejects(generate(() => Promise.reject(new Error('at once'))).next(), /at once/)
})

test('ends work where nobody wants more', async () => {
  let ended = ''
  const endless = generate<number>(async (give) => {
    try {
      for (let number = 0; ; number++) await give(number)
    } catch (error) {
      ended = String(error)
      throw error
    }
  })
  for await (const number of endless) if (number === 2) break
  assert.match(ended, /nobody wants more/)
})
