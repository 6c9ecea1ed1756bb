import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { Failure } from '../core/errors.js'
import { hasScreen, runViewer, viewerCommand } from './viewer.js'
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

const found = (port: number): string | undefined => viewerCommand(port, { viewer: undefined, hasScreen: true })?.join(' ')
const own = (...viewer: string[]): string | undefined => viewerCommand(5901, { viewer, hasScreen: false })?.join(' ')

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
    assert.equal(found(5901), 'remote-viewer vnc://127.0.0.1:5901')
    install('vncviewer')
    assert.equal(found(5901), 'vncviewer 127.0.0.1::5901')
  })

  it('gives none where none is installed, where there is no screen, and for a blank setting', () => {
    install()
    if (process.platform !== 'darwin') assert.equal(found(5901), undefined)
    install('vncviewer')
    assert.equal(viewerCommand(5901, { viewer: undefined, hasScreen: false }), undefined)
    assert.equal(viewerCommand(5901, { viewer: [], hasScreen: true }), undefined)
  })

  it("puts the address behind the user's own viewer, or where he says", () => {
    assert.equal(own('/opt/bin/vncviewer', '-Shared'), '/opt/bin/vncviewer -Shared 127.0.0.1::5901')
    assert.equal(own('my-viewer'), 'my-viewer 127.0.0.1:5901')
    assert.equal(own('shot', '{}', 'x.jpg'), 'shot 127.0.0.1:5901 x.jpg')
    assert.equal(own('web', 'http://h/?port={port}'), 'web http://h/?port=5901')
  })
})

it('hasScreen asks the environment', { skip: process.platform === 'darwin' ? 'there is always one' : false }, () => {
  assert.equal(hasScreen({}), false)
  assert.equal(hasScreen({ DISPLAY: '' }), false)
  assert.equal(hasScreen({ DISPLAY: ':0' }), true)
  assert.equal(hasScreen({ WAYLAND_DISPLAY: 'wayland-0' }), true)
})

describe('runViewer', () => {
  const server = (connections: () => number, served: () => number): VncServer => ({
    port: 1,
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
