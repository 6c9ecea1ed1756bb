import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { Failure } from '../core/errors.js'
import { hasScreen, runViewer, secretText, takesSocket, viewerCommand } from './viewer.js'
import type { VncServer } from './vnc.js'

const savedPath = process.env['PATH']
let folder = ''

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-viewer-'))
})

afterEach(() => {
  process.env['PATH'] = savedPath
  fs.rmSync(folder, { recursive: true })
})

/** Makes programs of these names the only ones that are installed. */
function install(...names: string[]): void {
  for (const name of names) fs.writeFileSync(path.join(folder, name), '#!/bin/sh\n', { mode: 0o755 })
  process.env['PATH'] = folder
}

const at = (port: number) => ({ at: port, secretFile: '/tmp/secret' })
const found = (port: number): string | undefined =>
  viewerCommand(at(port), { viewer: undefined, hasScreen: true })?.command.join(' ')
const own = (...viewer: string[]): string | undefined => viewerCommand(at(5901), { viewer, hasScreen: false })?.command.join(' ')

describe('viewerCommand', () => {
  it('finds the viewers that people have, each told in its own way', () => {
    install('remmina')
    assert.equal(found(5901), 'remmina -c vnc://127.0.0.1:5901')
    install('krdc')
    assert.equal(found(5901), 'krdc vnc://127.0.0.1:5901')
    install('vinagre')
    assert.equal(found(5901), 'vinagre vnc://127.0.0.1:5901')
    install('gvncviewer')
    assert.equal(found(5901), 'gvncviewer 127.0.0.1:1')
    install('remote-viewer')
    assert.equal(found(5901), 'remote-viewer /tmp/secret')
    install('vncviewer')
    assert.equal(found(5901), 'vncviewer -passwd /tmp/secret 127.0.0.1::5901')
  })

  it('gives none where none is installed, where there is no screen, and for a blank setting', () => {
    install()
    assert.equal(found(5901), undefined)
    install('vncviewer')
    assert.equal(viewerCommand(at(5901), { viewer: undefined, hasScreen: false }), undefined)
    assert.equal(viewerCommand(at(5901), { viewer: [], hasScreen: true }), undefined)
  })

  it("puts the address after the user's own viewer, or where he says", () => {
    assert.equal(own('/opt/bin/vncviewer', '-Shared'), '/opt/bin/vncviewer -Shared -passwd /tmp/secret 127.0.0.1::5901')
    assert.equal(own('my-viewer'), 'my-viewer 127.0.0.1:5901')
    assert.equal(own('shot', '-passwd', '{passwd}', '{}', 'x.jpg'), 'shot -passwd /tmp/secret 127.0.0.1:5901 x.jpg')
    assert.equal(own('web', 'http://h/?port={port}'), 'web http://h/?port=5901')
  })

  it('knows who reads the password from a file, and in which form; the others ask', () => {
    const secret = (...viewer: string[]) => viewerCommand(at(5901), { viewer, hasScreen: false })?.secret
    assert.deepEqual(
      ['vncviewer', 'xtightvncviewer', 'remote-viewer', 'krdc', 'my-viewer'].map((name) => secret(name)),
      ['passwd', 'passwd', 'vv', undefined, undefined],
    )
    assert.equal(secret('shot', '-passwd', '{passwd}', '{}'), 'passwd')
    assert.equal(secret('vncviewer', '{}'), undefined)
    assert.match(
      secretText('vv', 5901, 'abc').toString(),
      /^\[virt-viewer\]\ntype=vnc\nhost=127\.0\.0\.1\nport=5901\npassword=abc\n$/,
    )
  })

  it("gives TigerVNC's a socket, by whatever name it is called", () => {
    install('xtigervncviewer', 'xtightvncviewer')
    const takes = (...viewer: string[]) => takesSocket({ viewer, hasScreen: true })
    assert.equal(takes('xtightvncviewer'), false)
    assert.equal(takes('vncviewer'), false)
    fs.symlinkSync('xtigervncviewer', path.join(folder, 'vncviewer'))
    assert.equal(takes('vncviewer', '-Shared'), true)
    assert.equal(takes('vncviewer', '{}'), false)
    assert.equal(takesSocket({ viewer: undefined, hasScreen: true }), true)
    assert.equal(takesSocket({ viewer: undefined, hasScreen: false }), false)
    const command = viewerCommand({ at: '/tmp/s', secretFile: '/tmp/s' }, { viewer: undefined, hasScreen: true })
    assert.deepEqual(command, { command: ['vncviewer', '/tmp/s'] })
  })
})

it('hasScreen asks the environment', () => {
  assert.equal(hasScreen({}), false)
  assert.equal(hasScreen({ DISPLAY: '' }), false)
  assert.equal(hasScreen({ DISPLAY: ':0' }), true)
  assert.equal(hasScreen({ WAYLAND_DISPLAY: 'wayland-0' }), true)
})

describe('runViewer', () => {
  const server = (connections: () => number, served: () => number): VncServer => ({
    at: 1,
    connections,
    served,
    close: () => {},
  })
  const never = new AbortController().signal

  it('waits for the connection of a viewer that hands over and ends at once', async () => {
    const startedAt = Date.now()
    const age = (): number => Date.now() - startedAt
    await runViewer(
      ['true'],
      server(
        () => Number(age() > 400 && age() < 900),
        () => Number(age() > 400),
      ),
      never,
    )
    assert.ok(age() >= 900)
  })

  it("throws with the viewer's own words when it fails", async () => {
    const none = server(
      () => 0,
      () => 0,
    )
    const isFailure = (error: unknown): boolean => error instanceof Failure && /cannot open display/.test(error.message)
    await assert.rejects(runViewer(['sh', '-c', 'echo cannot open display >&2; exit 3'], none, never), isFailure)
    await assert.rejects(runViewer(['/nowhere/viewer'], none, never), /not installed/)
  })

  it('ends the viewer when it is told to', async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 200)
    const startedAt = Date.now()
    const one = server(
      () => 1,
      () => 1,
    )
    await runViewer(['sleep', '30'], one, controller.signal)
    assert.ok(Date.now() - startedAt < 5000)
  })
})
