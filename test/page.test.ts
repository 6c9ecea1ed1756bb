// The page in a real browser, used as people use it: real server, real VM.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { guestKernel, makeHome, until } from './cli.js'
import { launch, reverseProxy, Way, withoutBrowser } from './support/browser.js'
import { Web } from './support/web.js'

const home = makeHome()
const { nbsvm } = home
const way = new Way()

/** Where pictures of the steps go, for somebody to look at: `NBSVM_PICTURES=build/pictures scripts/test test/page.test.ts`. */
const pictures = process.env['NBSVM_PICTURES'] || undefined

const sizes = { phone: [390, 844], laptop: [1440, 900], wide: [2560, 1440] } as const

/** What a step of a user may take on a machine at work. */
const patience = 60_000

/** Nobody types faster, and a PC's keyboard keeps sixteen bytes for a guest that is slow. */
const byHand = { delay: 40 }

let web: Web
let browser: Browser
let page: Page

/** What the browser complains of: errors of scripts, and what the page's policy forbade. */
const complaints: string[] = []

async function open(url: string): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const one = await context.newPage()
  one.setDefaultTimeout(patience)
  one.on('pageerror', (error) => complaints.push(error.message))
  one.on('console', (message) => {
    // A cut line is no fault of the page.
    if (message.type() === 'error' && !/ERR_|WebSocket connection/.test(message.text())) complaints.push(message.text())
  })
  await one.goto(url)
  return one
}

/** Pictures of what is there now: each size, dark and light. */
async function picture(name: string): Promise<void> {
  if (pictures === undefined) return
  for (const [size, [width, height]] of Object.entries(sizes)) {
    await page.setViewportSize({ width, height })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await new Promise((resolve) => setTimeout(resolve, 700))
      await page.screenshot({ path: path.join(pictures, `${name}-${size}-${colorScheme}.png`) })
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 })
  await page.emulateMedia({ colorScheme: 'light' })
}

interface Finding {
  readonly id: string
  readonly impact: string
  readonly help: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** What axe finds wrong with what is shown, light on a laptop and dark on a phone. */
async function isAccessible(what: string): Promise<void> {
  for (const [colorScheme, size] of [
    ['dark', sizes.phone],
    ['light', sizes.laptop],
  ] as const) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width: size[0], height: size[1] })
    const found = await page.evaluate<Finding[]>(
      `${axe.source}; axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)`,
    )
    const serious = found.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    const words = serious.map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n${nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`).join('\n')}`,
    )
    assert.deepEqual(words, [], `${what}, ${colorScheme}`)
  }
}

const row = (id: string) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: id }) })
const tab = (name: string) => page.getByRole('navigation').getByRole('link', { name })
const press = (name: string | RegExp) => page.getByRole('button', { name }).click()
const sees = (text: string | RegExp) => page.getByText(text).first().waitFor()

/** The text of the terminal as it is drawn. */
async function terminal(pattern: RegExp): Promise<void> {
  await until(String(pattern), patience, async () =>
    pattern.test((await page.locator('.xterm-rows').innerText()).replaceAll('\u00A0', ' ')),
  )
}

/** A picture of the guest's screen, as it is drawn. */
function drawn(): Promise<string> {
  return page.locator('.stage canvas').evaluate((canvas) => (canvas as unknown as { toDataURL: () => string }).toDataURL())
}

describe('the page', { skip: withoutBrowser }, () => {
  before(async () => {
    if (pictures !== undefined) mkdirSync(pictures, { recursive: true })
    mkdirSync(path.join(home.folder, 'config'))
    const words = guestKernel.map((word) => (word === 'console=ttyS0 quiet' ? 'console=tty0 console=ttyS0 quiet' : word))
    writeFileSync(
      path.join(home.folder, 'config', 'foo.vm'),
      `mem=256\ntimeout=60\nargs=(${words.map((word) => `'${word}'`).join(' ')})\n`,
    )
    for (const id of ['foo', 'db', 'web2']) await nbsvm([id, 'drive_size=64M', 'newimg'])
    web = await Web.start(home)
    browser = await launch(await way.open())
    page = await open(web.link.href)
  })
  after(async () => {
    await browser.close()
    way.close()
    await web.end()
  })

  it('lists the VMs, starts one, and shows the line that did it', async () => {
    await row('foo').getByText('off').waitFor()
    assert.equal(new URL(page.url()).hash, '', 'the token is gone from the address bar')
    await isAccessible('the list')
    await picture('1-list')
    await row('foo').getByRole('button', { name: 'Start foo' }).click()
    await row('foo').getByText('running').waitFor()
    await page.getByRole('region', { name: 'Command lines' }).getByText('nbsvm foo start').waitFor()
    await page.getByAltText('Screen of foo').waitFor()
    await picture('2-started')
  })

  it('shows its screen, which changes, and types into it', async () => {
    await row('foo').getByRole('link', { name: 'foo', exact: true }).click()
    await page.locator('.stage canvas').waitFor()
    await sees('live')
    // Before its shell is there, keys go to whatever boots.
    assert.equal((await nbsvm(['foo', 'wait', 'guest ready'])).status, 0)
    const serial = nbsvm(['foo', 'wait', 'ctrlaltdel'])
    await page.locator('.stage canvas').click()
    await until('the shell on the screen', patience, async () => {
      const before = await drawn()
      await page.keyboard.press('Enter')
      await new Promise((resolve) => setTimeout(resolve, 500))
      return before !== (await drawn())
    })
    // As a keyboard does it: playwright would send a capital without Shift.
    await page.keyboard.type('cp /etc/inittab /dev/tty', byHand)
    await page.keyboard.press('Shift+KeyS')
    await page.keyboard.type('0\n')
    assert.equal((await serial).status, 0, (await serial).stderr)
    await isAccessible('the screen')
    await picture('3-screen')
  })

  it('fits into another window, whole or pixel by pixel', async () => {
    const box = () => page.locator('.stage canvas').boundingBox()
    const large = await box()
    await page.setViewportSize({ width: 700, height: 600 })
    await until('a smaller screen', patience, async () => ((await box())?.width ?? 0) < (large?.width ?? 0))
    const inside = await page.locator('.stage').boundingBox()
    assert.ok(((await box())?.width ?? 0) <= (inside?.width ?? 0))
    await page.getByLabel('Size of the screen').selectOption('actual size')
    await until('its own size', patience, async () => (await box())?.width === 720)
    await page.getByLabel('Size of the screen').selectOption('fit')
    for (const isFull of [true, false]) {
      await press('Full screen')
      await until(
        `full screen: ${isFull}`,
        patience,
        async () => (await page.evaluate('document.fullscreenElement !== null')) === isFull,
      )
    }
    await page.setViewportSize({ width: 1440, height: 900 })
  })

  it('pastes by typing, and says what cannot be typed', async () => {
    await press('Paste')
    await page.getByLabel('Text').fill('echo ä')
    await sees(/No key of a US keyboard writes/)
    assert.equal(await page.getByRole('button', { name: 'Type it' }).isDisabled(), true)
    await isAccessible('paste')
    await picture('4-paste')
    const serial = nbsvm(['foo', 'wait', 'Pasted \\42'])
    await page.getByLabel('Text').fill('echo "Pasted \\\\$((6 * 7))" >/dev/ttyS0\n')
    await press('Type it')
    assert.equal((await serial).status, 0, (await serial).stderr)
  })

  it('has its console, with what was said before, and gives the focus back', async () => {
    await tab('Console').click()
    await sees('attached')
    await terminal(/ctrlaltdel/)
    await page.keyboard.press('Enter')
    await terminal(/guest# /)
    await page.keyboard.type('echo console-$((40 + 2))\n')
    await terminal(/console-42/)
    await isAccessible('the console')
    await picture('5-console')
    await page.keyboard.press('Control+]')
    await page.keyboard.type('console-4')
    assert.equal(await page.getByRole('searchbox').inputValue(), 'console-4')
    await page.keyboard.press('Enter')
    await press('Copy all')
    assert.match(await page.evaluate('navigator.clipboard.readText()'), /console-4/)
  })

  it('comes back when the line was cut, and loses nothing of what was said', async () => {
    way.cut()
    await sees('The connection is cut.')
    await sees(/trying again/)
    await isAccessible('a cut line')
    await picture('6-cut')
    const { status, stderr } = await nbsvm(['foo', 'type', 'echo meanwhile-$((40 + 2))\\n', 'wait', 'meanwhile-42'])
    assert.equal(status, 0, stderr)
    way.mend()
    await sees('attached')
    await page.getByText('The connection is cut.').waitFor({ state: 'hidden' })
    await terminal(/meanwhile-42/)
    await page.locator('.xterm').click()
    await page.keyboard.type('\necho again-$((40 + 2))\n')
    await terminal(/again-42/)
  })

  it('pauses it, and lets it go on', async () => {
    await press('Pause foo')
    await sees('paused')
    await tab('Screen').click()
    await sees('paused: nothing moves')
    await picture('7-paused')
    await press('Resume foo')
    await sees('running')
    assert.match((await nbsvm(['foo', 'status'])).stdout, /running/)
  })

  it('shows status, figures, drives, settings and log', async () => {
    await tab('Status').click()
    await sees(/RAM, 1 CPU, tcg/)
    await isAccessible('status')
    await picture('8-status')
    await tab('Figures').click()
    await page.getByRole('img', { name: /Processors over the last minutes; now busy \d+ %/ }).waitFor()
    await isAccessible('figures')
    await picture('8-figures')
    await tab('Drives').click()
    await sees(/64M, .* of that on disk/)
    await isAccessible('drives')
    await picture('8-drives')
    await tab('Settings').click()
    await page.getByRole('row', { name: /mem 256 .*foo\.vm:1/ }).waitFor()
    await sees(/qemu-system-x86_64/)
    await isAccessible('settings')
    await picture('8-settings')
    await tab('Log').click()
    await sees(/guest ready/)
    await isAccessible('the log')
    await picture('8-log')
  })

  it('with --view has no button that changes something, and sends no key', async () => {
    const server = await Web.start(home, ['foo', 'web', '--view'])
    const looking = await open(server.link.href)
    await looking.getByText('looking only').waitFor()
    await looking.locator('.stage canvas').waitFor()
    await looking.getByText('live').waitFor()
    const names = await looking.getByRole('button').allInnerTexts()
    assert.deepEqual(
      names.map((name) => name.trim()).filter((name) => name !== ''),
      ['Full screen', 'Lines'],
    )
    await looking.getByRole('button', { name: 'Lines' }).click()
    assert.equal(await looking.getByLabel('nbsvm', { exact: true }).count(), 0)
    const typed = 'echo looked-$((40 + 2)) >/dev/ttyS0\n'
    await looking.locator('.stage canvas').click()
    await looking.keyboard.type(typed)
    await looking.getByRole('navigation').getByRole('link', { name: 'Console' }).click()
    await looking.getByText('looking only').nth(1).waitFor()
    await looking.locator('.xterm').click()
    await looking.keyboard.type(typed)
    // What is typed where one may comes after all of that.
    assert.equal((await nbsvm(['foo', 'type', 'echo after-$((40 + 2))\\n', 'wait', 'after-42'])).status, 0)
    assert.doesNotMatch((await nbsvm(['foo', 'log'])).stdout, /looked-/)
    await looking.context().close()
    await server.end()
  })

  it('about one VM alone, behind a reverse proxy with a prefix, has that VM and all its views', async () => {
    const socket = path.join(home.folder, 'web.sock')
    const proxy = await reverseProxy(socket, '/vms/')
    const origin = `http://vm.localhost:${(proxy.address() as AddressInfo).port}`
    const server = await Web.start(home, ['foo', 'web', `--socket=${socket}`, `--base=${origin}/vms`])
    const alone = await open(server.link.href)
    await alone.locator('.stage canvas').waitFor()
    await alone.getByText('live').waitFor()
    assert.equal(alone.url(), `${origin}/vms/vm/foo`)
    for (const name of ['All VMs', 'New VM']) assert.equal(await alone.getByRole('link', { name }).count(), 0, name)
    await alone.getByRole('button', { name: 'Pause foo' }).click()
    await alone.getByText('paused: nothing moves').waitFor()
    await alone.getByRole('button', { name: 'Resume foo' }).click()
    await alone.getByRole('navigation').getByRole('link', { name: 'Console' }).click()
    await alone.getByText('guest#').first().waitFor()
    // Loaded again where it is, and where the list would be.
    await alone.reload()
    await alone.getByText('guest#').first().waitFor()
    await alone.goto(`${origin}/vms/`)
    await alone.getByRole('heading', { name: 'foo', exact: true }).waitFor()
    await alone.goto(`${origin}/vms/vm/web2`)
    await alone.getByText('There is no VM web2').waitFor()
    await alone.context().close()
    await server.end()
    proxy.close()
  })

  it('stops it, once that is confirmed, and tells why it ended and what it said last', async () => {
    await tab('Screen').click()
    await press('Stop foo')
    await page.getByRole('dialog', { name: 'Stop foo?' }).getByText('nbsvm foo stop').waitFor()
    await isAccessible('a question')
    await picture('9-stop')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await press('Stop foo')
    await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click()
    await sees(/ended by/)
    await sees(/again-42/)
    await isAccessible('a VM that is off')
    await picture('9-off')
  })

  it('makes a VM, with the line that does it, by the keyboard alone', async () => {
    await page.getByRole('link', { name: 'New VM' }).focus()
    await page.keyboard.press('Enter')
    await page.getByLabel('Name').focus()
    await page.keyboard.type('db')
    await sees('there is one already')
    await page.keyboard.type('3')
    await page.getByLabel('drive_size').fill('32M')
    await page.getByLabel('start it').uncheck()
    await sees('nbsvm db3 drive_size=32M newimg')
    await isAccessible('a new VM')
    await picture('10-new')
    await page.getByLabel('drive_size').press('Enter')
    await sees('nbsvm-db3-0')
    assert.match((await nbsvm(['ls'])).stdout, /^db3 /m)
  })

  it('runs any line that it may, and says in three parts what went wrong', async () => {
    await press('Lines')
    await page.getByLabel('nbsvm', { exact: true }).fill('nbsvm db3 resize 8M')
    await page.keyboard.press('Enter')
    await sees(/--shrink/)
    await isAccessible('lines')
    await picture('11-lines')
    await press('Lines')
  })

  it('says that the server has ended, and what to type', async () => {
    await web.end()
    await sees('nbsvm web has ended')
    await isAccessible('the end')
    await picture('12-ended')
  })

  it('goes on once the link of the next server was opened in the same browser', async () => {
    const { port } = web
    web = await Web.start(home)
    assert.equal(web.port, port)
    const other = await page.context().newPage()
    await other.goto(web.link.href)
    await page.locator('.banner').waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'All VMs' }).click()
    await row('web2').waitFor()
    await nbsvm(['web2', 'rm', '--yes'])
    await row('web2').waitFor({ state: 'detached' })
    // It has asked the next server before that knew it.
    assert.deepEqual(
      complaints.filter((words) => !words.includes('401')),
      [],
    )
  })
})
