// The page against whatever words there may be, and against very many VMs. No VM runs here, and no server.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Browser } from 'playwright-core'
import { until } from './cli.js'
import { launch, withoutBrowser } from './support/browser.js'
import { fakeVm, origin, serveFake } from './support/fakepage.js'

const folder = path.resolve('dist/page')

/** HTML, and what turns the direction of the text that follows around. */
const html = '<img src=x onerror="window.hit=1"><b>B</b>\u202E<script>window.hit=1</script>'

/** As it may stand there. */
const asText = html.replace('\u202E', '?')

it('is small, and comes with the terms of what others have written', () => {
  const files = readdirSync(folder).map((name) => readFileSync(path.join(folder, name)))
  const bytes = files.reduce((sum, file) => sum + gzipSync(file).length, 0)
  assert.ok(bytes < 250_000, `${bytes} bytes`)
  const terms = readFileSync(path.join(folder, 'LICENSES.txt'), 'utf8')
  for (const words of ['Mozilla Public License Version 2.0', 'The xterm.js authors', 'Jason Miller'])
    assert.ok(terms.includes(words), words)
})

describe('the page', { skip: withoutBrowser }, () => {
  let browser: Browser

  before(async () => {
    browser = await launch()
  })
  after(() => browser.close())

  it('shows HTML in any field as text', async () => {
    const page = await browser.newPage()
    await serveFake(page, { vms: [fakeVm('foo', 'stopped', html), fakeVm('bar', 'running', html)], text: html })
    const isText = async (what: string): Promise<void> => {
      await until(`${what} to show it`, 60_000, async () => (await page.locator('main').innerText()).includes(asText))
      const text = await page.locator('body').innerText()
      assert.equal(text.includes('\u202E'), false, what)
      assert.equal(await page.locator('b, script:not([src]), img').count(), 0, what)
      assert.equal(await page.evaluate('window.hit'), undefined, what)
    }
    await page.goto(`${origin}/`)
    await isText('the list')
    await page.getByRole('button', { name: 'Start foo' }).click()
    await page.getByText(asText).last().waitFor()
    await page.getByRole('button', { name: 'Lines' }).click()
    await isText('lines')
    for (const tab of ['screen', 'status', 'drives', 'settings', 'log']) {
      await page.goto('about:blank')
      await page.goto(`${origin}/vm/foo#${tab}`)
      await isText(tab)
    }
    await page.goto(`${origin}/new`)
    await page.getByLabel('Image').selectOption('debian')
    await isText('a new VM')
    await page.close()
  })

  it('draws of 100 VMs only what has changed, and asks only for the pictures that are seen', async () => {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    const vms = Array.from({ length: 100 }, (_, at) => fakeVm(`vm${at}`, 'running', 'x'))
    const { asked, send } = await serveFake(page, { vms, text: 'x' })
    await page.goto(`${origin}/`)
    await page.getByRole('rowheader', { name: 'vm99' }).waitFor()
    await page.evaluate(`
      window.touched = new Set()
      new MutationObserver((records) => {
        for (const { target } of records) touched.add((target.closest ? target : target.parentElement).closest('tr').querySelector('th a').innerText)
      }).observe(document.querySelector('tbody'), { subtree: true, childList: true, characterData: true, attributes: true })`)
    for (let at = 0; at < 50; at++) {
      const state = at % 2 === 0 ? 'paused' : 'running'
      send({
        kind: 'change',
        vms: [fakeVm('vm7', state, 'x'), { ...fakeVm('vm42', 'running', 'x'), memBytes: at }],
        gone: [],
        faults: [],
      })
    }
    await page.getByRole('row').filter({ hasText: 'vm42' }).getByText('49').waitFor()
    assert.deepEqual((await page.evaluate<string[]>('[...touched]')).toSorted(), ['vm42', 'vm7'])
    const pictures = new Set(asked.filter((path) => path.endsWith('/screen')))
    assert.ok(pictures.size > 3 && pictures.size < 30, `${pictures.size} pictures`)
    await page.getByRole('searchbox').fill('vm9')
    await until('those with vm9 in their names', 10_000, async () => (await page.getByRole('rowheader').count()) === 11)
    await page.close()
  })
})
