// Nobody else gets in: what other pages, other users of this machine and other machines can send to a real `nbsvm web`.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Me, WireFailure, WireVm } from '../src/web/protocol.js'
import { makeHome, until } from './cli.js'
import { Web, type Answer, type Session } from './support/web.js'

const home = makeHome()
let web: Web
let page: Session

before(async () => {
  web = await Web.start(home)
  page = await web.session()
})
after(() => web.end())

/** What a raw connection is told, to its end. */
async function knock(text: string | Buffer, timeoutMs = 30_000): Promise<string> {
  const socket = net.connect(web.port, '127.0.0.1')
  let said = ''
  socket.on('error', () => {}).on('data', (piece) => (said += String(piece)))
  socket.write(text)
  let isOver = false
  socket.once('close', () => (isOver = true))
  await until(`the end of a connection; it said ${said}`, timeoutMs, () => isOver)
  return said
}

function get(target: string, headers: string): string {
  return `GET ${target} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`
}

describe('a page of another site', () => {
  it('under another name that leads here (DNS rebinding): nothing is answered, with all secrets', async () => {
    for (const host of [
      'evil.example',
      `evil.example:${web.port}`,
      `127.0.0.1:${web.port + 1}`,
      '127.0.0.1',
      '[::1]',
      `localhost.evil.example:${web.port}`,
    ]) {
      for (const target of ['/', '/api/me', '/page/index.html']) {
        const { status, body } = await page.get(target, { host })
        assert.deepEqual([status, body], [421, '421\n'], `${host} ${target}`)
      }
      const socket = page.socket('/api/watch', { headers: { host, origin: `http://${host}` } })
      await until('a refusal', 30_000, () => socket.refused !== undefined)
      assert.equal(socket.refused, 421)
    }
    const none = `cookie: ${page.cookie}\r\nx-nbsvm-key: ${page.key}\r\n`
    assert.match(await knock(get('/api/me', none)), /^HTTP\/1\.1 4(00|21) /)
    const two = `Host: 127.0.0.1:${web.port}\r\nHost: evil.example\r\n${none}`
    assert.match(await knock(get('/api/me', two)), /^HTTP\/1\.1 4(00|21) /)
    const target = `http://evil.example/api/me`
    assert.match(await knock(get(target, `Host: 127.0.0.1:${web.port}\r\n${none}`)), /^HTTP\/1\.1 4(00|04|21) /)
  })

  it('with its own origin: no POST, no question, no WebSocket, with all secrets', async () => {
    const origins = [
      'http://evil.example',
      `http://127.0.0.1:${web.port + 1}`,
      `https://127.0.0.1:${web.port}`,
      `http://localhost:${web.port}`,
      'null',
    ]
    for (const origin of origins) {
      assert.equal((await page.post(['foo', 'newimg'], { origin })).status, 403, origin)
      assert.equal((await page.get('/api/me', { origin })).status, 403, origin)
      const socket = page.socket('/api/watch', { headers: { origin } })
      await until('a refusal', 30_000, () => socket.refused !== undefined)
      assert.equal(socket.refused, 403, origin)
    }
    assert.equal((await page.get('/api/me', { 'sec-fetch-site': 'cross-site' })).status, 403)
    assert.equal((await page.get('/api/me', { 'sec-fetch-site': 'same-site' })).status, 403)
    const headers = { ...page.headers, 'content-type': 'application/json' }
    const without = await web.request('/api/run', { method: 'POST', headers, body: '{"words":["foo","newimg"]}' })
    assert.equal(without.status, 403)
    assert.ok(!existsSync(path.join(home.folder, 'drives')))
  })

  it('that sends a form: refused by its type, by its origin, and with a preflight unanswered', async () => {
    for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain', '']) {
      assert.equal((await page.post(['foo', 'newimg'], { 'content-type': type })).status, 415, type)
    }
    const headers = { origin: 'http://evil.example', 'access-control-request-method': 'POST' }
    const preflight = await web.request('/api/run', { method: 'OPTIONS', headers })
    assert.equal(preflight.status, 405)
    assert.ok(!existsSync(path.join(home.folder, 'drives')))
  })

  it('gets no header that would let it read anything, and is told to keep nothing', async () => {
    const answers = [await page.get('/'), await page.get('/api/me'), await web.request('/api/me'), await page.get('/none')]
    for (const { headers } of answers) {
      assert.ok(!Object.keys(headers).some((name) => name.startsWith('access-control-')))
      assert.equal(headers['cache-control'], 'no-store')
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.equal(headers['referrer-policy'], 'no-referrer')
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
      assert.equal(headers['cross-origin-opener-policy'], 'same-origin')
      assert.match(String(headers['content-security-policy']), /^default-src 'none'; .*frame-ancestors 'none'/)
    }
    const policy = String(answers[0]?.headers['content-security-policy'])
    assert.match(policy, /script-src 'self';/)
    assert.doesNotMatch(policy, /unsafe|\*|https?:/)
    const nonces = await Promise.all([page.get('/'), page.get('/')])
    assert.notEqual(nonces[0]?.headers['content-security-policy'], nonces[1]?.headers['content-security-policy'])
  })
})

describe('the link', () => {
  it('is good for once, and only by POST: not in a path, not in a query, not as what a browser came from', async () => {
    const second = new URL((await home.nbsvm(['web', '--no-open'])).stdout.trim())
    assert.equal(second.origin, web.origin)
    const token = second.hash.slice(1)
    const before: Answer[] = [
      await web.request('/api/me', { headers: { referer: second.href } }),
      await web.request(`/?token=${token}`, { headers: { cookie: `token=${token}`, referer: second.href } }),
      await web.request('/api/me', {
        headers: { cookie: `nbsvm=${token}`, 'x-nbsvm-key': token, authorization: `Bearer ${token}` },
      }),
      await web.request(`/api/session`, { headers: { referer: second.href } }),
    ]
    for (const { headers } of before) assert.equal(headers['set-cookie'], undefined)
    assert.deepEqual(
      before.map(({ status }) => status),
      [401, 200, 401, 401],
    )
    assert.equal((await web.enter(token)).status, 200)
    assert.equal((await web.enter(token)).status, 401)
    assert.equal((await web.enter(web.link.hash.slice(1))).status, 401)
    assert.equal((await web.enter('')).status, 401)
  })

  it('becomes a cookie that no script reads and no other site sends, and a key; one without the other is nothing', async () => {
    const fresh = new URL((await home.nbsvm(['web', '--no-open'])).stdout.trim())
    const { headers, body } = await web.enter(fresh.hash.slice(1))
    assert.match(headers['set-cookie']?.[0] ?? '', /^nbsvm-[0-9a-f]{16}=[\w-]{22}; Path=\/; HttpOnly; SameSite=Strict$/)
    assert.match((JSON.parse(body) as { key: string }).key, /^[\w-]{22}$/)
    const { cookie, key } = page
    for (const wrong of [
      {},
      { cookie },
      { 'x-nbsvm-key': key },
      { cookie, 'x-nbsvm-key': 'A'.repeat(22) },
      { cookie: `${cookie}x`, 'x-nbsvm-key': key },
    ]) {
      for (const target of ['/api/me', '/api/vms/foo', '/api/vms/foo/screen', '/api/images']) {
        assert.equal((await web.request(target, { headers: wrong })).status, 401, target)
      }
      const body = '{"words":["foo","newimg"]}'
      const sent = { ...wrong, origin: web.origin, 'content-type': 'application/json' }
      assert.equal((await web.request('/api/run', { method: 'POST', headers: sent, body })).status, 401)
    }
    for (const protocols of [['nbsvm'], ['nbsvm', 'key.AAAA'], [`key.${key}x`]]) {
      const socket = page.socket('/api/vms/foo/console', { protocols })
      await until('a refusal', 30_000, () => socket.refused !== undefined)
      assert.equal(socket.refused, 401)
    }
    const socket = page.socket('/api/watch', { headers: { cookie: 'x=y' } })
    await until('a refusal', 30_000, () => socket.refused !== undefined)
    assert.equal(socket.refused, 401)
  })

  it('leaves no secret on the disk, and nothing that others may read', () => {
    const folder = path.join(home.folder, 'state', '.web')
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    for (const name of readdirSync(folder)) {
      assert.equal(statSync(path.join(folder, name)).mode & 0o077, 0, name)
      if (name.endsWith('.port')) assert.equal(readFileSync(path.join(folder, name), 'utf8'), `${web.port}\n`)
      else assert.equal(statSync(path.join(folder, name)).size, 0, name)
    }
  })
})

describe('what is there', () => {
  it('is a table: no path leads out of it', async () => {
    const targets = [
      '/page/../../package.json',
      '/page/..%2f..%2fpackage.json',
      '/page/%2e%2e/nbsvm.cjs',
      '/page/....//nbsvm.cjs',
      '/page/index.html%00.js',
      '/page//etc/passwd',
      '/../../etc/passwd',
      '//etc/passwd',
      '/page/nbsvm.cjs',
      '/.web',
      '/api/vms/../me',
      '/api/vms/..%2f..%2f.web',
      '/api/vms/.web/log',
      '/api/vms/foo/../../me',
      '/api/toString',
      '/api/vms/foo/constructor',
      '/api/vms/foo/log/more',
    ]
    for (const target of targets) {
      const said = await knock(
        get(target, `Host: 127.0.0.1:${web.port}\r\ncookie: ${page.cookie}\r\nx-nbsvm-key: ${page.key}\r\n`),
      )
      assert.match(said, /^HTTP\/1\.1 404 /, target)
    }
  })

  it('is changed by no GET', async () => {
    for (const target of ['/api/run', '/api/session', '/api/vms/foo/start', '/api/run?words=foo&words=newimg']) {
      assert.equal((await page.get(target)).status, 404, target)
    }
    for (const method of ['PUT', 'DELETE', 'PATCH', 'HEAD', 'TRACE']) {
      const { status } = await web.request('/api/run', { method, headers: { ...page.headers, origin: web.origin } })
      assert.equal(status, 405, method)
    }
  })

  it('runs no line that reaches for the machine, and tells so as the command line does', async () => {
    const lines = [
      ['foo', 'qemu=/bin/sh', 'newimg', 'start'],
      ['foo', 'newimg', 'start', '-cdrom', '/etc/passwd'],
      ['foo', 'exec', 'id'],
      ['box2:foo', 'start'],
      ['foo,bar', 'newimg'],
      ['ls'],
      ['foo', 'newimg', 'bogus'],
      ['../foo', 'newimg'],
    ]
    for (const words of lines) {
      const frames = await page.run(...words)
      const end = frames.at(-1)
      assert.ok(end?.kind === 'end' && end.status === 2, JSON.stringify(frames))
      assert.equal(end.error?.code, 'USAGE')
    }
    for (const body of ['', '{}', '[]', '{"words":"foo newimg"}', '{"words":[1]}', '{"words":[]}', 'null', '{']) {
      const headers = { ...page.headers, origin: web.origin, 'content-type': 'application/json' }
      const { status } = await web.request('/api/run', { method: 'POST', headers, body })
      assert.equal(status, 400, body)
    }
    assert.ok(!existsSync(path.join(home.folder, 'drives')))
  })

  it('is text, whatever others have named so', async () => {
    const tag = '<img src=x onerror=alert(1)>'
    const evil = `${tag}"'&</script>\u202E\u0007`
    mkdirSync(path.join(home.folder, 'config'), { recursive: true })
    writeFileSync(path.join(home.folder, 'config', 'evil.vm'), `mem='${tag}'\n`)
    mkdirSync(path.join(home.folder, 'state', 'evil'), { recursive: true, mode: 0o700 })
    const journal = `{"kind":"refused","at":1,"words":${JSON.stringify(evil)}}\n`
    writeFileSync(path.join(home.folder, 'state', 'evil', 'journal.jsonl'), journal)
    writeFileSync(path.join(home.folder, 'state', 'evil', 'console.log'), `${evil}\u001B]0;x\u0007\u001B[6n done`)
    const answers = await Promise.all(['', '/explain', '/log'].map((what) => page.get(`/api/vms/evil${what}`)))
    for (const { headers, body } of answers) {
      assert.match(String(headers['content-type']), /^(application\/json|text\/plain); charset=utf-8$/)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.match(String(headers['content-security-policy']), /sandbox/)
      for (const control of ['\u0007', '\u001B']) assert.ok(!body.includes(control))
    }
    assert.match((JSON.parse(answers[1]?.body ?? '') as WireFailure).message, /<img/)
    const { body } = await page.get('/api/vms/%3Cscript%3E')
    assert.doesNotMatch(body, /script/)
    const watch = page.socket('/api/watch')
    const { vms } = (await watch.frame('list')) as { vms: WireVm[] }
    assert.ok(vms.some(({ id }) => id === 'evil'))
    watch.socket.close()
  })
})

describe('whoever only wants to keep it busy', () => {
  it('sends a head without end, slowly: cut, while others are served', async () => {
    const slow = Array.from({ length: 20 }, () => net.connect(web.port, '127.0.0.1').on('error', () => {}))
    let closed = 0
    for (const socket of slow) {
      socket.on('close', () => closed++).resume()
      socket.write('GET / HTTP/1.1\r\n')
    }
    const drip = setInterval(() => slow.forEach((socket) => socket.writable && socket.write('x-a: b\r\n')), 500)
    try {
      assert.equal((await page.get('/api/me')).status, 200)
      await until('all slow ones are cut', 40_000, () => closed === slow.length)
    } finally {
      clearInterval(drip)
    }
    const long = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\n${'x-a: '.padEnd(20_000, 'b')}\r\n\r\n`
    assert.doesNotMatch(await knock(long), /200 OK/)
  })

  it('sends too much: a body, a frame of a gigabyte, a text where bytes are meant', async () => {
    const headers = { ...page.headers, origin: web.origin, 'content-type': 'application/json' }
    const large = await web.request('/api/run', { method: 'POST', headers, body: 'x'.repeat(70_000) }).catch(() => undefined)
    assert.ok(large === undefined || large.status === 413)
    const rss = residentBytes()
    for (const target of ['/api/watch', '/api/vms/evil/console', '/api/vms/evil/vnc']) {
      const upgrade =
        `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\nOrigin: ${web.origin}\r\nCookie: ${page.cookie}\r\n` +
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n' +
        `Sec-WebSocket-Protocol: nbsvm, key.${page.key}\r\n\r\n`
      // A binary frame, masked, that announces a gigabyte.
      const frame = Buffer.from('82ff000000004000000000000000', 'hex')
      const said = await knock(Buffer.concat([Buffer.from(upgrade), frame, Buffer.alloc(100_000)]))
      assert.match(said, /^HTTP\/1\.1 101 /, target)
    }
    const watch = page.socket('/api/watch')
    await watch.frame('list')
    watch.socket.send('{"figures": ["../x"]}')
    assert.equal((await watch.end()).code, 4400)
    assert.ok(residentBytes() < rss + 50 * 1024 ** 2)
  })

  it('asks to be let in, with a body that never comes: whoever is in still has lines run, and others come in again', async () => {
    const head =
      `POST /api/session HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\nOrigin: ${web.origin}\r\n` +
      'Content-Type: application/json\r\nContent-Length: 10\r\n\r\n'
    const asking = Array.from({ length: 40 }, () =>
      net
        .connect(web.port, '127.0.0.1')
        .on('error', () => {})
        .resume(),
    )
    let closed = 0
    for (const socket of asking) {
      socket.on('close', () => closed++)
      socket.write(head)
    }
    assert.equal((await page.run('nosuch', 'stop')).at(-1)?.kind, 'end')
    await until('all of them are cut', 30_000, () => closed === asking.length)
    assert.equal((await web.enter('no token')).status, 401)
  })

  it('opens ten thousand connections: few are held, and all are let go', async () => {
    const before = descriptors()
    let [most, closed, failed] = [0, 0, 0]
    const sockets: net.Socket[] = []
    for (let count = 0; count < 10_000; count++) {
      const socket = net.connect(web.port, '127.0.0.1')
      socket.on('error', () => failed++).on('close', () => closed++)
      sockets.push(socket)
      if (count % 200 === 199) {
        await new Promise((resolve) => setTimeout(resolve, 10))
        most = Math.max(most, descriptors())
        // Our own descriptors have a limit too.
        for (const old of sockets.splice(0, sockets.length - 600)) old.destroy()
      }
    }
    assert.ok(most < before + 300, `${most} descriptors`)
    for (const socket of sockets) socket.destroy()
    await until('they are let go', 30_000, () => descriptors() <= before + 5)
    assert.equal((await page.json<Me>('/api/me')).only, null)
  })
})

function descriptors(): number {
  return readdirSync(`/proc/${web.child.pid}/fd`).length
}

function residentBytes(): number {
  return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${web.child.pid}/status`, 'utf8'))?.[1]) * 1024
}

it('listens on the loopback address alone', () => {
  const listening = execFileSync('ss', ['-Htln', `sport = :${web.port}`], { encoding: 'utf8' })
  assert.match(listening, new RegExp(`127\\.0\\.0\\.1:${web.port}`))
  assert.equal(listening.trim().split('\n').length, 1)
})
