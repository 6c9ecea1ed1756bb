// The page's server with real VMs: all that a page does, by the frames that it sends.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type {
  Me,
  WatchFigures,
  WatchList,
  WireExplanation,
  WireFailure,
  WireImage,
  WireSetting,
  WireStatus,
  WireVm,
} from '../src/web/protocol.js'
import { lockHolders } from '../src/sys/lock.js'
import { agentKernel, makeHome, program, until } from './cli.js'
import { Page, Web, type Session } from './support/web.js'

const home = makeHome()
const { nbsvm } = home
const lock = path.join(home.folder, 'state', 'foo', 'console.sock.lock')

// What a page cannot say is in its file.
mkdirSync(path.join(home.folder, 'config'))
writeFileSync(path.join(home.folder, 'config', 'foo.vm'), `mem=256\nargs=(${agentKernel.map((word) => `'${word}'`).join(' ')})\n`)

let web: Web
let page: Session

before(async () => {
  web = await Web.start(home)
  page = await web.session()
})
after(() => web.end())

async function runs(...words: readonly string[]): Promise<string> {
  const frames = await page.run(...words)
  const end = frames.at(-1)
  assert.ok(end?.kind === 'end' && end.status === 0 && end.error === null, JSON.stringify(frames))
  assert.ok(frames[0]?.kind === 'line')
  return frames[0].line
}

/** The newest that is known of a VM on a page that watches. */
function known(watch: Page, id: string): WireVm | undefined {
  return (watch.frames as unknown as WatchList[]).flatMap((frame) => frame.vms ?? []).findLast((vm) => vm.id === id)
}

async function becomes(watch: Page, id: string, what: string, isSo: (vm: WireVm | undefined) => boolean): Promise<void> {
  await until(`${id}: ${what}; it is ${JSON.stringify(known(watch, id))}`, 60_000, () => isSo(known(watch, id)))
}

describe('a page', () => {
  let watch: Page

  it('knows where it is, and what it may do', async () => {
    const me = await page.json<Me>('/api/me')
    assert.deepEqual([me.viewOnly, me.only], [false, null])
    assert.ok(me.actions.some(({ name }) => name === 'newimg') && !me.actions.some(({ name }) => name === 'exec'))
    const settings = await page.json<WireSetting[]>('/api/settings')
    assert.ok(settings.some(({ name, expects }) => name === 'mem' && expects.includes('size')))
    const images = await page.json<WireImage[]>('/api/images')
    assert.ok(images.some(({ name }) => name.startsWith('debian')))
    assert.equal((await page.get('/api/vms/foo')).status, 200)
    const { status, body } = await page.get('/api/vms/nothere')
    assert.equal(status, 404)
    assert.match((JSON.parse(body) as WireFailure).message, /there is no VM nothere/)
  })

  it('makes a VM and starts it, with the line that does it, and every page sees it', async () => {
    watch = page.socket('/api/watch')
    await watch.frame('list')
    assert.equal(await runs('foo', 'drive_size=64M', 'newimg', 'start'), 'nbsvm foo drive_size=64M newimg start')
    await becomes(watch, 'foo', 'runs', (vm) => vm?.state === 'running' && vm.memBytes === 256 * 1024 ** 2)
    const frames = await page.run('foo', 'start')
    const end = frames.at(-1)
    assert.ok(end?.kind === 'end' && end.status === 1)
    assert.match(end.error?.message ?? '', /foo is running already|runs already|already/)
    const status = await page.json<WireStatus>('/api/vms/foo')
    assert.equal(status.state, 'running')
    assert.equal(status.drives[0]?.virtualBytes, 64 * 1024 ** 2)
    const explanation = await page.json<WireExplanation>('/api/vms/foo/explain')
    assert.ok(explanation.settings.some(({ name, origin }) => name === 'mem' && origin.endsWith('foo.vm:1')))
    // As the command line has it.
    assert.deepEqual(await page.json('/api/vms/foo/explain'), JSON.parse((await nbsvm(['foo', 'explain', '--json'])).stdout))
  })

  it('has its console: what was said since power-on, then what is said and typed, together with other pages', async () => {
    const one = page.socket('/api/vms/foo/console')
    await one.frame('live')
    await one.says(/guest# /)
    const other = page.socket('/api/vms/foo/console')
    await other.frame('live')
    await other.says(/guest# /)
    assert.deepEqual((await one.frame('pages'))['pages'], 2)
    one.socket.send(Buffer.from('echo typed-$((40 + 2))\r'))
    for (const at of [one, other]) await at.says(/typed-42\r\n/)
    // DSR: a terminal would answer, by typing.
    other.socket.send(Buffer.from("printf '\\033[6nx\\033]52;c;YQ==\\007-%s\\n' passed\r"))
    await one.says(/x-passed/)
    for (const query of ['\u001B[6n', '\u001B]52']) assert.ok(!one.bytes.includes(query))
    // Whoever comes by the command line is told who has it.
    const { status, stderr } = await nbsvm(['foo', 'console'])
    assert.equal(status, 1)
    assert.match(stderr, new RegExp(`attached already, by pid ${web.child.pid}`))
    other.socket.send('text')
    assert.equal((await other.end()).code, 4400)
    one.socket.close()
    await until('the console is free', 10_000, () => lockHolders(lock).length === 0)
    assert.match((await page.get('/api/vms/foo/log')).body, /^x-passed$/m)
  })

  it('looks on while somebody else has the console, and takes it where it is told to', async () => {
    const child = spawn(process.execPath, [program, 'foo', 'console'], { env: home.env, stdio: ['pipe', 'ignore', 'ignore'] })
    await until('it is attached', 20_000, () => lockHolders(lock).includes(child.pid ?? 0))
    const refused = page.socket('/api/vms/foo/console?how=attach')
    const busy = await refused.frame('busy')
    assert.equal(busy['canForce'], true)
    assert.match((busy['error'] as WireFailure).message, new RegExp(`pid ${child.pid}`))
    assert.equal((await refused.end()).code, 4409)
    const follower = page.socket('/api/vms/foo/console?how=follow')
    await follower.frame('live')
    child.stdin.write('echo from-$((1 + 1))-there\r')
    await follower.says(/from-2-there\r\n/)
    follower.socket.send(Buffer.from('x'))
    assert.equal((await follower.end()).code, 4400)
    const gone = once(child, 'exit')
    const forced = page.socket('/api/vms/foo/console?how=force')
    await forced.frame('live')
    await gone
    forced.socket.send(Buffer.from('echo mine-$((2 + 3))\r'))
    await forced.says(/mine-5\r\n/)
    forced.socket.terminate()
  })

  it('has its screen: RFB both ways, a picture, once a second however many ask', async () => {
    const screen = page.socket('/api/vms/foo/vnc')
    await until('a greeting', 30_000, () => screen.bytes.length >= 12)
    assert.match(screen.bytes.toString('latin1'), /^RFB 003\.008\n/)
    screen.socket.send(Buffer.from('RFB 003.008\n'))
    await until('security', 30_000, () => screen.bytes.length >= 14)
    screen.socket.send(Buffer.of(1))
    await until('a result', 30_000, () => screen.bytes.length >= 18)
    screen.socket.send(Buffer.of(1))
    await until('a screen', 30_000, () => screen.bytes.length > 42)
    const before = screen.bytes.length
    const width = screen.bytes.readUInt16BE(18)
    screen.socket.send(Buffer.of(3, 0, 0, 0, 0, 0, 0, 64, 0, 64))
    await until('pixels', 30_000, () => screen.bytes.length > before + 64 * 64)
    assert.ok(width >= 640)
    screen.socket.close()
    const pictures = await Promise.all(Array.from({ length: 8 }, () => page.get('/api/vms/foo/screen')))
    const tags = new Set(
      pictures.map(({ status, headers, bytes }) => {
        assert.equal(status, 200)
        assert.equal(headers['content-type'], 'image/png')
        assert.equal(bytes.toString('latin1', 1, 4), 'PNG')
        return headers.etag
      }),
    )
    assert.equal(tags.size, 1)
    const again = await page.get('/api/vms/foo/screen', { 'if-none-match': String([...tags][0]) })
    assert.ok(again.status === 304 || again.status === 200)
  })

  it('is told what it takes, while it asks for that', async () => {
    watch.socket.send(JSON.stringify({ figures: ['foo', 'nothere'] }))
    const figures = (): WatchFigures[] => (watch.frames as unknown as WatchFigures[]).filter(({ kind }) => kind === 'figures')
    // Its agent counts what goes over its network.
    const isWhole = ({ cpus, diskRead, netSend }: WatchFigures): boolean => cpus !== null && diskRead !== null && netSend !== null
    await until('figures', 30_000, () => figures().some(isWhole))
    const last = figures().at(-1)
    assert.ok((last?.residentBytes ?? 0) > 20 * 1024 ** 2, JSON.stringify(last))
    assert.ok(figures().every(({ id }) => id === 'foo'))
    watch.socket.send(JSON.stringify({ figures: [] }))
  })

  it('pauses, resumes, types, presses keys and ends it, and says why it ended', async () => {
    await runs('foo', 'pause')
    await becomes(watch, 'foo', 'paused', (vm) => vm?.state === 'paused')
    await runs('foo', 'resume')
    await runs('foo', 'key', 'ctrl-alt-f2')
    await runs('foo', 'type', 'echo by-line-$((3 + 3))\\n')
    await until('it was typed', 30_000, async () => /by-line-6/.test((await page.get('/api/vms/foo/log')).body))
    const typing = await page.run('foo', 'type', '--screen', 'ä')
    assert.ok(typing.at(-1)?.kind === 'end' && (typing.at(-1) as { status: number }).status === 2)
    const attached = page.socket('/api/vms/foo/console')
    const screen = page.socket('/api/vms/foo/vnc')
    await attached.frame('live')
    await until('a greeting', 30_000, () => screen.bytes.length >= 12)
    await runs('foo', 'stop')
    assert.match(String((await attached.frame('ended'))['words']), /ended by/)
    assert.equal((await attached.end()).code, 4410)
    assert.equal((await screen.end()).code, 4410)
    await becomes(watch, 'foo', 'stopped', (vm) => vm?.state === 'stopped' && vm.ending?.kind === 'stopped')
    const late = page.socket('/api/vms/foo/vnc')
    assert.equal((await late.end()).code, 4404)
    assert.equal((await page.get('/api/vms/foo/screen')).status, 409)
    await runs('foo', 'rm', '--yes')
    await until('it is gone', 30_000, () => (watch.frames as { gone?: string[] }[]).some(({ gone }) => gone?.includes('foo')))
  })

  it('breaks off what it waits for, as Ctrl-C does', async () => {
    await runs('bar', 'newimg')
    await nbsvm(['bar', 'mem=64', 'start', '-S'])
    const request = http.request({
      host: '127.0.0.1',
      port: web.port,
      path: '/api/run',
      method: 'POST',
      headers: { ...page.headers, origin: web.origin, 'content-type': 'application/json' },
    })
    request.on('error', () => {}).end(JSON.stringify({ words: ['bar', 'timeout=600', 'shutdown'] }))
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    await once(response, 'data')
    request.destroy()
    // It would wait for ten minutes, and `web` for it.
    const { status } = await nbsvm(['bar', 'stop'])
    assert.equal(status, 0)
  })
})

describe('another nbsvm web', () => {
  it('gives one more link of the first; for looking only it is a server of its own, in which nothing can be done', async () => {
    const { stdout, stderr, status } = await nbsvm(['web', '--no-open'])
    assert.equal(status, 0, stderr)
    assert.equal(new URL(stdout.trim()).origin, web.origin)
    assert.match(stderr, /served already/)
    await nbsvm(['bar', 'mem=64', 'start', '-S'])
    const viewer = await Web.start(home, ['bar', 'web', '--view'])
    assert.match(viewer.link.pathname, /^\/vm\/bar$/)
    const looking = await viewer.session()
    const me = await looking.json<Me>('/api/me')
    assert.deepEqual([me.viewOnly, me.only, me.actions], [true, 'bar', []])
    assert.equal((await looking.post(['bar', 'stop'])).status, 403)
    assert.equal((await looking.get('/api/vms/foo')).status, 403)
    const list = (await looking.socket('/api/watch').frame('list')) as unknown as WatchList
    assert.deepEqual(
      list.vms.map(({ id }) => id),
      ['bar'],
    )
    const console = looking.socket('/api/vms/bar/console?how=force')
    assert.equal((await console.frame('attached'))['how'], 'follow')
    const screen = looking.socket('/api/vms/bar/vnc')
    await until('a greeting', 30_000, () => screen.bytes.length >= 12)
    screen.socket.send(Buffer.from('GET / HTTP/1.0\r\n'))
    assert.equal((await screen.end()).code, 4400)
    // What is one server's is not another's.
    assert.equal((await viewer.request('/api/me', { headers: page.headers })).status, 401)
    await viewer.end()
    await nbsvm(['bar', 'stop'])
  })

  it('about a VM of a class is about that one, and not about the one of the same name without', async () => {
    await nbsvm(['twin', 'drive_size=1M', 'newimg'])
    await nbsvm(['twin', 'class=win', 'drive_size=2M', 'newimg'])
    const alone = await Web.start(home, ['twin', 'class=win', 'web'])
    const inside = await alone.session()
    assert.deepEqual([alone.link.pathname, (await inside.json<Me>('/api/me')).only], ['/vm/win-twin', 'win-twin'])
    assert.equal((await inside.json<{ id: string }>('/api/vms/win-twin')).id, 'win-twin')
    assert.equal((await inside.run('win-twin', 'resize', '3M')).at(-1)?.kind, 'end')
    const size = async (id: string): Promise<number | undefined> =>
      (JSON.parse((await nbsvm([id, 'status', '--json'])).stdout) as { drives: { virtualBytes: number }[] }).drives[0]
        ?.virtualBytes
    assert.deepEqual([await size('twin'), await size('win-twin')], [1024 ** 2, 3 * 1024 ** 2])
    await alone.end()
    await nbsvm(['twin,win-twin', 'rm', '--yes'])
  })

  it('on a socket for its owner alone, in a folder that nobody else can write to, behind a prefix', async () => {
    const folder = path.join(home.folder, 'deep'.repeat(30))
    mkdirSync(folder, { mode: 0o777 })
    const file = path.join(folder, 'web.sock')
    const words = ['bar', 'web', `--socket=${file}`, '--base=/vms']
    const server = await Web.start(home, words)
    assert.equal(server.link.href.split('#')[0], 'http://localhost:8000/vms/vm/bar')
    assert.match(server.notes, new RegExp(`ssh -L 8000:${file} `))
    assert.equal(statSync(file).mode & 0o777, 0o600)
    // A path of this length does not fit into the address of a socket.
    const held = openSync(folder, 'r')
    const ask = async (target: string, host: string): Promise<number | undefined> => {
      const request = http.get({ socketPath: `/proc/self/fd/${held}/web.sock`, path: target, headers: { host } })
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      response.resume()
      return response.statusCode
    }
    assert.equal(await ask('/vms/', 'localhost:1234'), 200)
    assert.equal(await ask('/', 'localhost:1234'), 404)
    assert.equal(await ask('/vms/', 'evil.example'), 421)
    closeSync(held)
    const second = await nbsvm(['bar', 'web', `--socket=${file}`])
    assert.match(second.stdout, /^http:\/\/localhost:8000\/vms\/vm\/bar#/)
    await server.end()
    assert.deepEqual(readdirSync(folder), [])
    chmodSync(folder, 0o777)
    const open = await nbsvm(words)
    assert.equal(open.status, 1)
    assert.match(open.stderr, /others can write to/)
  })
})

describe('Ctrl-C', () => {
  it('tells open pages, and ends at once; the next one is at the same port, and knows none of them until its own link is opened', async () => {
    const watch = page.socket('/api/watch')
    await watch.frame('list')
    await web.end()
    assert.equal(web.child.exitCode, 0, web.notes)
    assert.match(String((await watch.frame('bye'))['words']), /was ended/)
    assert.equal((await watch.end()).code, 4503)
    const { port } = web
    const next = await Web.start(home)
    assert.equal(next.port, port)
    // Another user's server may have been there meanwhile, and have been told them.
    assert.equal((await next.request('/api/me', { headers: page.headers })).status, 401)
    const again = await next.session()
    assert.equal(again.cookie.split('=')[0], page.cookie.split('=')[0])
    // It ends as well with a page that does not go.
    const silent = again.socket('/api/watch')
    await silent.frame('list')
    silent.socket.pause()
    await next.end()
    silent.socket.terminate()
  })
})
