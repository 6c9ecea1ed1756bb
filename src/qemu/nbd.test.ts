import assert from 'node:assert/strict'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Nbd } from './nbd.js'

test('a server that takes the connection and says nothing, as one that is just ending, holds nobody up', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-nbd-'))
  const file = path.join(folder, 'socket')
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(file, resolve))
  try {
    await assert.rejects(Nbd.open(file, AbortSignal.timeout(50)), /the server of the image has ended/)
    await assert.rejects(Nbd.open(file, AbortSignal.abort()), /the server of the image has ended/)
  } finally {
    server.close()
    fs.rmSync(folder, { recursive: true })
  }
})
