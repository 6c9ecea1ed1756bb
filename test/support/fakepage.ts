// The page without a server: what it asks for is answered by the test, so that it can be whatever a guest might come up with.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Page, WebSocketRoute } from 'playwright-core'
import type {
  Me,
  WatchFrame,
  WireExplanation,
  WireFailure,
  WireImage,
  WireSetting,
  WireStatus,
  WireVm,
} from '../../src/web/protocol.js'

const folder = path.resolve('dist/page')

export const origin = 'http://127.0.0.1:9'

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-n'; connect-src 'self' ws://127.0.0.1:9; img-src 'self' blob: data:"

const actions = ['start', 'stop', 'shutdown', 'pause', 'resume', 'reset', 'newimg']

export interface Fake {
  readonly vms: readonly WireVm[]
  /** All that texts can be. */
  readonly text: string
}

export function fakeVm(id: string, state: WireVm['state'], text: string): WireVm {
  const isOn = state !== 'stopped'
  return {
    id,
    class: null,
    name: id,
    state,
    pid: isOn ? 1 : null,
    sinceMs: isOn ? 1_000_000 : null,
    memBytes: isOn ? 2 ** 30 : null,
    forwards: isOn ? [{ hostPort: 8080, guestPort: 80, protocol: 'tcp', address: text }] : [],
    drives: [text],
    image: text,
    fault: isOn ? null : text,
    ending: isOn ? null : { kind: 'killed', atMs: null, words: text },
  }
}

/** Answers all that the page asks for. Resolves to the socket of the list, and the paths that were asked for. */
export async function serveFake(page: Page, fake: Fake): Promise<{ asked: string[]; send: (frame: WatchFrame) => void }> {
  const asked: string[] = []
  let watch: WebSocketRoute | undefined
  await page.route(`${origin}/**`, async (route) => {
    const { pathname } = new URL(route.request().url())
    asked.push(pathname)
    const file = /^\/page\/(?<name>[\w.-]+)$/.exec(pathname)?.groups?.['name']
    if (file !== undefined) return route.fulfill({ path: path.join(folder, file) })
    // No VM has a screen.
    if (pathname.endsWith('/screen')) return route.fulfill({ status: 409, json: { message: fake.text, code: 'X', hints: [] } })
    const answer = answerOf(pathname, fake)
    if (typeof answer === 'object') return route.fulfill({ json: answer })
    if (answer !== undefined) return route.fulfill({ contentType: 'text/plain', body: answer })
    const html = readFileSync(path.join(folder, 'index.html'), 'utf8').replaceAll('__BASE__', '/').replaceAll('__NONCE__', 'n')
    return route.fulfill({ contentType: 'text/html', body: html, headers: { 'content-security-policy': policy } })
  })
  await page.routeWebSocket(/\/api\/watch$/, (socket) => {
    watch = socket
    const failure: WireFailure = { message: fake.text, code: 'X', hints: [fake.text] }
    const list: WatchFrame = { kind: 'list', vms: fake.vms, faults: [failure] }
    socket.send(JSON.stringify(list))
  })
  return { asked, send: (frame) => watch?.send(JSON.stringify(frame)) }
}

function answerOf(pathname: string, { vms, text }: Fake): object | string | undefined {
  const [api, first, id, what] = pathname.split('/').slice(1)
  const vm = vms.find((one) => one.id === id)
  if (api !== 'api') return undefined
  if (first === 'me') return me(text)
  if (first === 'images') return [image(text)]
  if (first === 'settings') return [setting('mem', text), setting('other', text)]
  if (first === 'run') {
    const frames = [
      { kind: 'line', line: text },
      { kind: 'note', text },
      { kind: 'end', status: 1, error: { message: text, code: 'X', hints: [text] } },
    ]
    return frames.map((frame) => `${JSON.stringify(frame)}\n`).join('')
  }
  if (what === 'explain') return explanation(text)
  if (what === 'log') return `${text}\n${text}`
  return vm === undefined ? undefined : status(vm, text)
}

function me(text: string): Me {
  const rows = actions.map((name) => ({ name, words: '', summary: text }))
  return { version: text, host: text, user: text, viewOnly: false, only: null, actions: rows }
}

function image(text: string): WireImage {
  return { name: 'debian', aliases: [text], title: text, arches: [text], level: text, user: text, kept: [] }
}

function setting(name: string, text: string): WireSetting {
  return { name, help: text, expects: text, choices: null, default: text }
}

function explanation(text: string): WireExplanation {
  const settings = [{ name: 'mem', value: text, origin: text, default: text }]
  return { id: 'foo', settings, notes: [text], seed: [{ name: text, text }], commands: [text] }
}

function status({ id, class: vmClass, name, pid, sinceMs, ending }: WireVm, text: string): WireStatus {
  return {
    id,
    class: vmClass,
    name,
    pid,
    sinceMs,
    ending,
    state: 'stopped',
    detail: text,
    accelerator: text,
    uuid: text,
    machine: text,
    cpu: text,
    arch: text,
    firmware: text,
    tpm: false,
    memBytes: 1,
    memNowBytes: null,
    cpus: 1,
    image: { name: text, digest: text, level: text },
    guest: { hostname: text, os: text, addresses: [{ interface: text, address: text }] },
    drives: [
      {
        name: text,
        path: text,
        format: text,
        virtualBytes: 1,
        allocatedBytes: 1,
        health: { state: 'low', words: text, hints: [text] },
        fault: text,
      },
    ],
    discs: [{ drive: text, path: text }],
    shares: [{ hostPath: text, guestPath: text, readOnly: false }],
    devices: [{ name: text, kind: text, what: text }],
    forwards: [],
    taps: [text],
    helpers: [{ name: text, alive: true, pid: null }],
    runAs: text,
    drawer: text,
    faults: [text],
  }
}
