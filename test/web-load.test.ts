// A hundred VMs and ten pages: what they bring, run fast, leaves neither memory nor descriptors behind. With NBSVM_TEST_HOUR as much as
// an hour brings.
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, it } from 'node:test'
import type { WatchList } from '../src/web/protocol.js'
import { makeHome, until } from './cli.js'
import { Web, type Page, type Session } from './support/web.js'

const home = makeHome()
const { nbsvm } = home
const vms = Array.from({ length: 100 }, (_, at) => `vm${at}`)
const running = vms.slice(0, 3)
const pages = 10
/** What is pressed, what is asked, what is looked at. */
const times = process.env['NBSVM_TEST_HOUR'] === undefined ? 1 : 30
const [presses, questions, looks] = [30 * times, 1500 * times, 30 * times]

let web: Web
let page: Session

before(async () => {
  await nbsvm(['vm0', 'drive_size=1M', 'newimg'])
  const drive = (id: string): string => path.join(home.folder, 'drives', `nbsvm-${id}-0.qcow2`)
  for (const id of vms.slice(1)) {
    copyFileSync(drive('vm0'), drive(id))
    mkdirSync(path.join(home.folder, 'state', id), { recursive: true, mode: 0o700 })
    writeFileSync(path.join(home.folder, 'state', id, 'journal.jsonl'), '{"kind":"refused","at":1,"words":"no"}\n')
  }
  await nbsvm([running.join(','), 'mem=16', 'network=none', 'start', '-S'])
  web = await Web.start(home)
  page = await web.session()
})
after(async () => {
  await web.end()
  await nbsvm([running.join(','), 'stop'])
})

const residentBytes = (): number =>
  Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${web.child.pid}/status`, 'utf8'))?.[1]) * 1024
const descriptors = (): number => readdirSync(`/proc/${web.child.pid}/fd`).length
const cpuTicks = (): number => {
  const fields = readFileSync(`/proc/${web.child.pid}/stat`, 'utf8').split(' ')
  return Number(fields[13]) + Number(fields[14]) + Number(fields[15]) + Number(fields[16])
}

/** A screen: all its pixels, as often as asked for. */
async function pixels(id: string, times: number): Promise<number> {
  const screen = page.socket(`/api/vms/${id}/vnc`)
  let bytes = 0
  // Of so many nothing is kept.
  screen.socket.removeAllListeners('message')
  screen.socket.on('message', (data: Buffer) => (bytes += data.length))
  const more = (atLeast: number, what: string): Promise<void> => until(what, 60_000, () => bytes >= atLeast)
  await more(12, 'a greeting')
  screen.socket.send(Buffer.concat([Buffer.from('RFB 003.008\n'), Buffer.of(1, 1)]))
  await more(40, 'a screen')
  for (let time = 0; time < times; time++) {
    const before = bytes
    screen.socket.send(Buffer.of(3, 0, 0, 0, 0, 0, 2, 128, 1, 144))
    await more(before + 640 * 400 * 4, 'pixels')
  }
  screen.socket.close()
  return bytes
}

it('holds less than 150 MB, and no descriptor longer than it is used', async (test) => {
  await page.json('/api/me')
  const [before, residentBefore] = [descriptors(), residentBytes()]
  const watches: Page[] = Array.from({ length: pages }, () => page.socket('/api/watch'))
  for (const watch of watches) {
    const list = (await watch.frame('list')) as unknown as WatchList
    assert.equal(list.vms.length, vms.length)
    watch.socket.send(JSON.stringify({ figures: running }))
  }
  const press = async (): Promise<void> => {
    for (let time = 0; time < presses; time++) {
      const id = running[time % running.length] ?? ''
      await page.run(id, time % 2 === 0 ? 'resume' : 'pause')
    }
  }
  const ask = async (from: number): Promise<void> => {
    const targets = ['', '/explain', '/log', '/screen']
    for (let time = from; time < questions; time += 10) {
      const id = time % 4 === 3 ? running[time % 3] : vms[time % vms.length]
      await page.get(`/api/vms/${id}${targets[time % 4]}`)
    }
  }
  const look = async (id: string): Promise<void> => {
    for (let time = 0; time < looks / running.length; time++) {
      const console = page.socket(`/api/vms/${id}/console`)
      await console.frame('live')
      console.socket.close()
      assert.ok((await pixels(id, 3)) > 3_000_000)
    }
  }
  await Promise.all([press(), ...Array.from({ length: 10 }, (_, at) => ask(at)), ...running.map(look)])
  assert.ok(watches.every(({ closed }) => closed === undefined))
  const resident = residentBytes()
  assert.ok(resident < 150 * 1024 ** 2, `${resident} bytes`)
  for (const watch of watches) watch.socket.close()
  await until(`descriptors are let go: ${before} before`, 30_000, () => descriptors() <= before + 2)
  const megabytes = [residentBefore, resident].map((bytes) => (bytes / 1024 ** 2).toFixed(0))
  test.diagnostic(`${megabytes.join(' MB before, ')} MB after; ${before} descriptors before, ${descriptors()} after`)
})

it('looks once for all pages, and at nothing when there is none', async () => {
  const restMs = 2000
  const rest = async (): Promise<number> => {
    const begin = cpuTicks()
    await new Promise((resolve) => setTimeout(resolve, restMs))
    return cpuTicks() - begin
  }
  const none = await rest()
  const watches = Array.from({ length: pages }, () => page.socket('/api/watch'))
  for (const watch of watches) await watch.frame('list')
  const many = await rest()
  // In hundredths of a second: less than a tenth of a processor for a hundred VMs and ten pages.
  assert.ok(none <= 2 && many <= 20, `${none} ticks without pages, ${many} with ten`)
  for (const watch of watches) watch.socket.close()
})
