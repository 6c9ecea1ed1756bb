import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { encryptDes } from '../sys/crypto.js'
import { admit, makePassword, passwordFile } from './rfb.js'

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

/** VNC's DES with the bits of each byte of the key in reverse, as viewers do it. */
function answerTo(challenge: Buffer, password: string): Buffer {
  const key = Buffer.alloc(8)
  key.write(password)
  const bits = (byte: number): number => Number.parseInt(byte.toString(2).padStart(8, '0').split('').toReversed().join(''), 2)
  return encryptDes(Buffer.from(key.map(bits)), challenge)
}

type Answer = Buffer | ((challenge: Buffer) => Buffer)

/** What becomes of a viewer that says these things, each after the server has said something. */
async function admitted(...answers: readonly Answer[]): Promise<{ isIn: boolean; challenge: Buffer; last: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'nbsvm-rfb-'))
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path.join(folder, 'sock'), resolve))
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  const viewer = createConnection(path.join(folder, 'sock'))
  let challenge: Buffer = Buffer.alloc(0)
  let last: Buffer = Buffer.alloc(0)
  const rest = [...answers]
  viewer.on('data', (piece: Buffer) => {
    last = piece
    if (piece.length === 16) challenge = piece
    const answer = rest.shift()
    if (answer !== undefined) viewer.write(typeof answer === 'function' ? answer(challenge) : answer)
    else if (answers.length < 3) viewer.end()
  })
  const isIn = await admit(await accepted, 'geheim42').catch(() => false)
  const side = await accepted
  side.end()
  await new Promise((resolve) => viewer.once('close', resolve))
  server.close()
  rmSync(folder, { recursive: true })
  return { isIn, challenge, last: last.toString('latin1') }
}

const [newest, old] = [Buffer.from('RFB 003.008\n'), Buffer.from('RFB 003.003\n')]
const byPassword = Buffer.of(2)

test('only who knows the password comes in', async () => {
  const right = (challenge: Buffer): Buffer => answerTo(challenge, 'geheim42')
  assert.equal((await admitted(newest, byPassword, right)).isIn, true)
  const wrong: readonly Answer[] = [
    (challenge) => answerTo(challenge, 'geheim43'),
    (challenge) => answerTo(challenge, ''),
    (challenge) => challenge,
    Buffer.alloc(16),
    (challenge) => Buffer.concat([right(challenge).subarray(0, 15), Buffer.of((right(challenge)[15] ?? 0) ^ 1)]),
  ]
  for (const [at, answer] of wrong.entries()) {
    const { isIn, last } = await admitted(newest, byPassword, answer)
    assert.equal(isIn, false, String(at))
    assert.match(last, /wrong password/)
  }
})

test('no viewer is let in without being asked for it: by no kind of security, by none that is not offered, by an old version', async () => {
  assert.equal((await admitted(newest, Buffer.of(1))).isIn, false)
  assert.equal((await admitted(newest, Buffer.of(16))).isIn, false)
  assert.equal((await admitted(old, Buffer.alloc(16))).isIn, false)
  assert.equal((await admitted(Buffer.from('GET / HTTP/1.1\r\n'))).isIn, false)
})

test('each viewer is asked something else: an answer that was overheard opens nothing', async () => {
  const answer = (challenge: Buffer): Buffer => answerTo(challenge, 'geheim42')
  const first = await admitted(newest, byPassword, answer)
  const second = await admitted(newest, byPassword, answer(first.challenge))
  assert.equal(first.isIn, true)
  assert.notDeepEqual(first.challenge, second.challenge)
  assert.equal(second.isIn, false)
})
