import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseForward } from '../../model/forward.js'
import { tunnelHelper } from './tunnel.js'

test('a tunnel listens where it is told, leads to the guest itself, and has a name that is safe in a path', () => {
  const helper = (text: string) => tunnelHelper(parseForward(text)[0] ?? assert.fail(), ['ssh', '-F', '/dev/null', '--', 'host'])
  const { name, command } = helper('8080:80')
  assert.equal(name, 'tunnel-tcp8080')
  assert.match(
    command.join(' '),
    /^sh helpers\/tunnel-tcp8080 ssh -N -T .* -L 127\.0\.0\.1:8080:127\.0\.0\.1:80 -F \/dev\/null -- host$/,
  )
  assert.match(helper('[::1]:8080:80').command.join(' '), / -L \[::1\]:8080:127\.0\.0\.1:80 /)
  assert.match(helper('*:8080:80').command.join(' '), / -L \*:8080:127\.0\.0\.1:80 /)
  for (const text of ['[::1]:8080:80', '*:8080:80', '0.0.0.0:8080:80']) assert.match(helper(text).name, /^tunnel-tcp8080-[\w.]+$/)
})
