// Golden files hold whole units; `npm run golden` rewrites them. That systemd reads them as they are meant is shown in
// test/enable.test.ts and test/whole/systemd.test.ts.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { UsageError } from '../core/errors.js'
import { unitName, unitText, type Unit } from './unit.js'

const folder = 'test/golden/unit'

const plain: Unit = {
  id: 'foo',
  call: 'nbsvm foo',
  isSystem: true,
  program: ['/usr/bin/node', '/usr/lib/nbsvm/nbsvm.cjs'],
  vmWords: ['foo'],
  environment: { PATH: '/usr/local/bin:/usr/bin:/bin' },
  folders: ['/var/lib/nbsvm/foo', '/var/lib/nbsvm/drives'],
  pidFile: '/var/lib/nbsvm/foo/pid',
  timeoutSeconds: 60,
  needsNetwork: false,
}

const odd = '/home/o\'dd "100%"/$HOME\\n'

/** What differs from the plain unit, and the name of its golden file. */
const cases: Record<string, Partial<Unit>> = {
  system: {},
  bridge: { needsNetwork: true },
  user: { isSystem: false, folders: ['/home/me/.local/state/nbsvm/foo'], pidFile: '/home/me/.local/state/nbsvm/foo/pid' },
  'class-and-settings': {
    id: 'win-foo',
    call: 'nbsvm foo class=win',
    vmWords: ['foo', 'class=win', 'mem=2048', 'timeout=300', 'args=-cdrom "a b.iso" -name %i,$x;', 'usb= '],
    timeoutSeconds: 300,
  },
  'paths-with-blanks': { program: ['/home/a b;/100%/$x/node', '/home/a b;/100%/$x/nbsvm.cjs'] },
  'hostile-paths': {
    program: [`${odd}/node`, `${odd}/nbsvm.cjs`],
    environment: { NBSVM_HOME: odd, args: 'two\nlines\t; # é', PATH: `${odd}/bin:/bin` },
    folders: [`${odd}/state/foo`, `${odd}/drives`],
    pidFile: `${odd}/state/foo/pid`,
  },
}

for (const [name, differing] of Object.entries(cases)) {
  test(`the unit: ${name}`, () => golden(name, unitText({ ...plain, ...differing })))
}

function golden(name: string, text: string): void {
  const file = `${folder}/${name}.service`
  if (process.env['NBSVM_GOLDEN'] === '1') {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, text)
  }
  assert.equal(text, readFileSync(file, 'utf8'))
}

test('what systemd would cut or drop is refused', () => {
  const refused: Partial<Unit>[] = [
    { pidFile: '/a\nExecStart=/bin/evil/pid' },
    { folders: ['/a\tb'] },
    { program: ['/usr/bin/node', '/a\u0085b'] },
    { environment: { NBSVM_HOME: '/a\u0007' } },
  ]
  for (const differing of refused) {
    assert.throws(
      () => unitText({ ...plain, ...differing }),
      (error) => error instanceof UsageError && /^systemd cannot be told of ".*": it holds a line break/.test(error.message),
    )
  }
})

test('a setting in place cannot begin a line of its own', () => {
  const text = unitText({ ...plain, vmWords: ['foo', 'args=x\nExecStartPre=/bin/evil', 'gold=\\\nUser=x'] })
  assert.doesNotMatch(text, /^(?:ExecStartPre|User)=/m)
})

test('a unit is named after its VM', () => {
  assert.equal(unitName('win-foo.1'), 'nbsvm-win-foo.1.service')
})
