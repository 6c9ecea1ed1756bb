// nbsvm is killed, or the disk fails, at each step of export and import: no file has its name that is not whole, no VM is there that is
// not, and the next command works.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { makeHome } from '../cli.js'
import { canBe, hit, stepsOf, type Fault, type Step } from '../support/faults.js'

/** `all` is the whole proof; else a kill and an error at one step each. */
const wanted = process.env['NBSVM_ARCHIVE_FAULTS']
const seed = Number(process.env['NBSVM_ARCHIVE_FAULTS_SEED'] ?? Math.floor(Math.random() * 1e6))
const home = makeHome()
const at = (name: string): string => path.join(home.folder, name)
/** Beside the home: the file that is imported stays. */
const kept = at('kept.vm')

const works = async (...words: readonly string[]): Promise<void> => {
  const { status, stderr } = await home.nbsvm(words)
  assert.equal(status, 0, `${words.join(' ')}: ${stderr}`)
}

const list = (name: string): string[] => (fs.existsSync(at(name)) ? fs.readdirSync(at(name)) : [])
const ofVm = (id: string): string[] => [
  ...list('drives').filter((name) => name.startsWith(`nbsvm-${id}-`) || name.startsWith('.tmp')),
  ...list('vms').filter((name) => name === id),
  ...list('config').filter((name) => name === `${id}.vm`),
  ...list('vms/.moves').filter((name) => name.startsWith(`${id}.`)),
]

/** The bytes that its guest would see. */
function seen(id: string): string {
  return execFileSync(
    'sh',
    [
      '-c',
      `qemu-img convert -f qcow2 -O raw '${at(`drives/nbsvm-${id}-0.qcow2`)}' '${at('flat')}' && sha256sum <'${at('flat')}' && rm '${at('flat')}'`,
    ],
    { encoding: 'utf8' },
  )
}

interface Line {
  readonly words: readonly string[]
  readonly isDone: () => boolean
  /** What must be so, done or not; and after that it is not done. */
  readonly after: (told: string, isDone: boolean) => Promise<void>
}

let original = ''

const lines: Readonly<Record<string, Line>> = {
  export: {
    words: ['web', 'export', at('out.vm')],
    isDone: () => fs.existsSync(at('out.vm')),
    after: async (told, isDone) => {
      assert.equal(seen('web'), original, told)
      if (!isDone) await works('web', 'export', at('out.vm'))
      await works('check', 'import', at('out.vm'))
      assert.equal(seen('check'), original, told)
      await works('check', 'rm', '--yes')
      fs.rmSync(at('out.vm'))
      const left = (): string[] => list('.').filter((name) => name.includes('part'))
      // The last step is the removing of its lock; where that itself fails, the next one in that folder does it.
      if (left().length > 0) await works('web', 'export', at('other.vm'))
      fs.rmSync(at('other.vm'), { force: true })
      assert.deepEqual(left(), [], told)
    },
  },
  import: {
    words: ['new', 'import', kept],
    isDone: () => fs.existsSync(at('vms/new/machine.json')) && !fs.existsSync(at('vms/.moves/new.json')),
    after: async (told, isDone) => {
      if (!isDone) {
        await works('ls')
        assert.deepEqual(
          ofVm('new').filter((name) => !name.startsWith('.tmp')),
          [],
          told,
        )
        await works('new', 'import', kept)
      }
      assert.equal(seen('new'), original, told)
      assert.equal(fs.readFileSync(at('config/new.vm'), 'utf8'), 'mem=300\n', told)
      await works('new', 'rm', '--yes')
      fs.rmSync(at('config/new.vm'), { force: true })
      // Killed after it was done, it has left a lock that nobody holds: whoever lists removes that.
      await works('ls')
      assert.deepEqual(ofVm('new'), [], told)
    },
  },
}

let state = seed
const random = (): number => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31

function sample(steps: readonly Step[]): readonly Step[] {
  const distinct = steps.filter((step, index) => steps.findIndex(({ what }) => what === step.what) === index)
  const one = distinct[Math.floor(random() * distinct.length)]
  return wanted === 'all' ? distinct : one === undefined ? [] : [one]
}

async function each(t: TestContext, line: Line): Promise<void> {
  const undisturbed = await stepsOf(home, line.words)
  assert.equal(undisturbed.status, 0, undisturbed.stderr)
  assert.ok(line.isDone())
  await line.after('undisturbed', true)
  const faults: readonly Fault[] = wanted === 'all' ? ['KILL', 'EIO', 'ENOSPC'] : ['KILL', random() < 0.5 ? 'EIO' : 'ENOSPC']
  let count = 0
  for (const fault of faults) {
    for (const step of sample(undisturbed.steps.filter((one) => canBe(fault, one)))) {
      const { what, status, stderr } = await hit(home, step, fault, line.words)
      const told = `${fault} at ${step.what} (it was ${what}), status ${status}: ${stderr.trim()}`
      const isDone = line.isDone()
      if (status === 0) assert.ok(isDone, `${told}: it was not done`)
      if (fault !== 'KILL' && status !== 0) assert.doesNotMatch(stderr, /bug in nbsvm/, told)
      await line.after(told, isDone)
      count++
    }
  }
  t.diagnostic(`${undisturbed.steps.length} steps, ${count} of them disturbed`)
}

const isMissing = spawnSync('strace', ['-V']).error !== undefined

describe(`export and import (seed ${seed})`, { skip: isMissing && 'strace is not installed', concurrency: false }, () => {
  it('work where nothing fails', async () => {
    await works('web', 'drive_size=16M', 'newimg')
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -q -P 7 1M 3M', at('drives/nbsvm-web-0.qcow2')])
    original = seen('web')
    await works('web', 'mem=300', 'export', kept)
  })
  for (const [name, line] of Object.entries(lines)) it(name, (t) => each(t, line))
})
