// A VM that runs becomes a file, all its drives of one moment, and goes on; through a pipe, packed and not.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { guestKernel, makeHome, program } from './cli.js'
import { guestPrompt, Serial } from './guest.js'

const home = makeHome()
const at = (name: string): string => path.join(home.folder, name)

const works = async (...words: readonly string[]): Promise<string> => {
  const { status, stdout, stderr } = await home.nbsvm(words)
  assert.equal(status, 0, `${words.join(' ')}: ${stderr}`)
  return stdout + stderr
}

/** The same number into the first sector of both drives, one after the other, each on its disk before the next. */
const counting =
  'i=0; while :; do i=$((i+1)); for d in a b; do echo $i | dd of=/dev/vd$d bs=512 conv=fsync 2>/dev/null; done; echo "<$i>"; sleep 0.1; done\n'

/** What a VM that is off has there. */
function numberOn(id: string, drive: number): number {
  execFileSync('qemu-img', [
    'dd',
    '-f',
    'qcow2',
    '-O',
    'raw',
    'bs=512',
    'count=1',
    `if=${at(`drives/nbsvm-${id}-${drive}.qcow2`)}`,
    `of=${at('sector')}`,
  ])
  const text = fs.readFileSync(at('sector'), 'latin1')
  fs.rmSync(at('sector'))
  return Number(/^\d+/.exec(text)?.[0] ?? 0)
}

describe('a VM that runs, as a file', () => {
  let serial: Serial

  before(async () => {
    for (const size of ['64M', '32M']) await works('web', `drive_size=${size}`, 'newimg')
    await works('web', 'mem=96', 'network= ', 'start', ...guestKernel)
    serial = await Serial.open(at('state/web/run/console.sock'))
    await serial.waitFor(guestPrompt)
    serial.send(counting)
    await serial.waitFor(/<3>/)
  })

  after(() => serial.close())

  it('has all drives of one moment, while its guest goes on', async () => {
    const said = await works('web', 'export', at('web.vm'))
    assert.match(said, /its guest stood still for \d+ ms/)
    await works('copy', 'import', at('web.vm'))
    const [first, second] = [numberOn('copy', 0), numberOn('copy', 1)]
    assert.ok(first >= 3 && (second === first || second === first - 1), `${first} and ${second}`)
    const later = first + 3
    await serial.waitFor(new RegExp(`<${later}>`))
    // Nothing of it stays in the store, or beside the record.
    const left = [...fs.readdirSync(at('drives')), ...fs.readdirSync(at('vms/web'))].filter((name) =>
      /^\.(pin|frozen|tmp)/.test(name),
    )
    assert.deepEqual(left, [])
  })

  it('goes through a pipe, and is refused to a terminal and over a file', async () => {
    for (const [how, name] of [
      ['', 'piped'],
      ['--plain', 'plain'],
    ] as const) {
      const line = `"${program}" web export ${how} - 2>"${at('said')}" | "${program}" ${name} import -`
      const child = spawn('sh', ['-c', line], { env: home.env, stdio: 'inherit' })
      assert.equal(await new Promise((resolve) => child.on('close', resolve)), 0, fs.readFileSync(at('said'), 'utf8'))
      const [first, second] = [numberOn(name, 0), numberOn(name, 1)]
      assert.ok(first >= 3 && first - second <= 1 && first >= second, `${first} and ${second}`)
    }
    const over = await home.nbsvm(['web', 'export', at('web.vm')])
    assert.match(over.stderr, /is there already, and nothing is overwritten/)
    assert.equal(over.status, 1)
    const neither = await home.nbsvm(['web', 'export'])
    assert.match(neither.stderr, /export FILE[^]*--libvirt/)
    assert.equal(neither.status, 2)
    assert.equal((await home.nbsvm(['web', 'export', '--libvirt', at('x.vm')])).status, 2)
    assert.match((await home.nbsvm(['copy', 'import', at('web.vm')])).stderr, /there is a VM copy already/)
  })
})
