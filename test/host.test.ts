// The facts about QEMU, found out by running it and kept: when they are believed, and when looked for again.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { hostFacts } from '../src/host/facts.js'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-test-host-'))
after(() => fs.rmSync(root, { recursive: true }))

let folder: string
let cacheFile: string
let program: string
let count = 0
beforeEach(() => {
  folder = path.join(root, String(++count))
  fs.mkdirSync(folder)
  cacheFile = path.join(folder, 'state', '.host.json')
  program = path.join(folder, 'qemu')
  fs.writeFileSync(program, fakeQemu('6.2.0'), { mode: 0o755 })
})

/** A QEMU of another vendor, without KVM, that counts how often it is asked for its version. */
const fakeQemu = (version: string): string => `#!/bin/sh
case "$*" in
--version) echo run >>"${folder}/runs"; echo "QEMU emulator version ${version}(qemu-kvm-${version}-11.el9)" ;;
"-machine help") printf 'Supported machines are:\\npc      Old (alias of pc-i440fx-rhel7.6.0)\\nq35    New (alias of pc-q35-rhel9.0.0)\\n' ;;
*) sleep 0.2; echo "qemu: invalid accelerator kvm" >&2; exit 1 ;;
esac
`

const runs = (): number => fs.readFileSync(path.join(folder, 'runs'), 'utf8').split('\n').length - 1

test('the real QEMU: version, versioned machine type, a verdict on KVM; the second time from the cache', async () => {
  const fresh = await hostFacts({ program: undefined, cacheFile })
  assert.ok(fresh.isFresh)
  assert.match(fresh.path, /^\//)
  assert.match(fresh.version, /^\d+\.\d+\.\d+$/)
  assert.match(fresh.machine, /^pc-q35-\S+\d$/)
  const kept = await hostFacts({ program: undefined, cacheFile })
  assert.deepEqual(kept, { ...fresh, isFresh: false })
})

test("another vendor's version and machine type are read, and QEMU is asked once", async () => {
  const first = await hostFacts({ program, cacheFile })
  assert.deepEqual([first.version, first.machine, first.kvm.works], ['6.2.0', 'pc-q35-rhel9.0.0', false])
  assert.equal((await hostFacts({ program, cacheFile })).isFresh, false)
  assert.equal(runs(), 1)
  assert.equal(fs.statSync(cacheFile).mode & 0o777, 0o600)
})

test('a new QEMU, or one run in another way, is looked at anew; two programs do not push each other out', async () => {
  await hostFacts({ program, cacheFile })
  fs.writeFileSync(program, fakeQemu('7.0.1'), { mode: 0o755 })
  assert.equal((await hostFacts({ program, cacheFile })).version, '7.0.1')
  assert.equal((await hostFacts({ program, cacheFile, qemuUser: { user: 'nobody', prefix: ['env'] } })).isFresh, true)
  const other = path.join(folder, 'other')
  fs.copyFileSync(program, other)
  assert.equal((await hostFacts({ program: other, cacheFile })).isFresh, true)
  assert.equal((await hostFacts({ program, cacheFile })).isFresh, false)
  assert.equal((await hostFacts({ program: other, cacheFile })).isFresh, false)
  assert.equal((await hostFacts({ program, cacheFile, qemuUser: { user: 'nobody', prefix: ['env'] } })).isFresh, false)
})

test('facts of another boot are history', async () => {
  await hostFacts({ program, cacheFile })
  const bootId = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const text = fs.readFileSync(cacheFile, 'utf8')
  assert.ok(text.includes(bootId))
  fs.writeFileSync(cacheFile, text.replaceAll(bootId, '00000000-0000-0000-0000-000000000000'))
  assert.equal((await hostFacts({ program, cacheFile })).isFresh, true)
})

test('a damaged cache is passed over and mended', async () => {
  await hostFacts({ program, cacheFile })
  const whole = fs.readFileSync(cacheFile, 'utf8')
  const damaged = ['', 'x', 'null', '[]', '{', whole.slice(0, -20), whole.replace('"works": false', '"works": "no"')]
  for (const text of [...damaged, whole.replace('"version"', '"v"'), whole.replace(/"facts": \{[^]*/, '"facts": 3}}')]) {
    fs.writeFileSync(cacheFile, text)
    assert.equal((await hostFacts({ program, cacheFile })).isFresh, true, text)
    assert.equal((await hostFacts({ program, cacheFile })).isFresh, false, text)
  }
})

test('facts that others could have written are not believed: they name a program that is run', async () => {
  await hostFacts({ program, cacheFile })
  fs.chmodSync(cacheFile, 0o666)
  assert.equal((await hostFacts({ program, cacheFile })).isFresh, true)
  assert.equal((await hostFacts({ program, cacheFile })).isFresh, false)
  const text = fs.readFileSync(cacheFile, 'utf8')
  fs.rmSync(cacheFile)
  fs.writeFileSync(path.join(folder, 'other'), text)
  fs.symlinkSync(path.join(folder, 'other'), cacheFile)
  assert.equal((await hostFacts({ program, cacheFile })).isFresh, true)
  if (process.geteuid?.() !== 0) return // only root can give it to somebody
  fs.chownSync(cacheFile, 65_534, 65_534)
  assert.equal((await hostFacts({ program, cacheFile })).isFresh, true)
  assert.equal((await hostFacts({ program, cacheFile })).isFresh, false)
})

test('a doubtful verdict is believed for ten minutes', async () => {
  fs.writeFileSync(program, fakeQemu('6.2.0').replace('sleep 0.2', 'exec sleep 60'), { mode: 0o755 })
  const { kvm } = await hostFacts({ program, cacheFile })
  if (kvm.isDoubtful !== true) return // no /dev/kvm: nothing was tried
  assert.equal((await hostFacts({ program, cacheFile })).isFresh, false)
  const past = fs.readFileSync(cacheFile, 'utf8').replace(/"untilMs": (\d+)/, (_, ms) => `"untilMs": ${Number(ms) - 10 * 60_000}`)
  fs.writeFileSync(cacheFile, past)
  assert.equal((await hostFacts({ program, cacheFile })).isFresh, true)
})

test('a cache that cannot be written costs nothing but time', async () => {
  fs.writeFileSync(path.join(folder, 'state'), 'in the way')
  assert.equal((await hostFacts({ program, cacheFile })).isFresh, true)
  assert.equal((await hostFacts({ program, cacheFile })).isFresh, true)
})

test('many first starts at once: one looks, all know', async () => {
  const host = new URL('../src/host/facts.js', import.meta.url).href
  const code = `import(${JSON.stringify(host)}).then(({ hostFacts }) => hostFacts(${JSON.stringify({ program, cacheFile })})).then((facts) => process.stdout.write(facts.version))`
  const answers = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
      let text = ''
      child.stdout.on('data', (piece) => (text += piece))
      await once(child, 'close')
      return text
    }),
  )
  assert.deepEqual(
    answers,
    Array.from({ length: 8 }, () => '6.2.0'),
  )
  assert.equal(runs(), 1)
  assert.deepEqual(fs.readdirSync(path.dirname(cacheFile)).toSorted(), ['.host.json', '.host.json.lock'])
})
