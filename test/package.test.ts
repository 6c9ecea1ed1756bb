// The package as a user gets it: packed, installed by an ordinary user into a prefix of their own, and used from there.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { run, type Result } from './cli.js'

const repository = path.resolve('.')
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-package-'))
const user = path.join(folder, 'user')
const prefix = path.join(user, '.local')
const library = path.join(prefix, 'lib/node_modules/nbsvm')
const isRoot = process.getuid?.() === 0

/** nobody: an ordinary user that every system has. */
const nobody = 65_534

fs.chmodSync(folder, 0o755)
fs.mkdirSync(user)
if (isRoot) fs.chownSync(user, nobody, nobody)

const env: NodeJS.ProcessEnv = {
  PATH: `${prefix}/bin:${process.env['PATH'] ?? ''}`,
  HOME: user,
  LC_ALL: 'C.UTF-8',
  MANWIDTH: '100',
  accel: 'tcg',
  npm_config_offline: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
  npm_config_cache: path.join(user, '.npm'),
}

after(async () => {
  await asUser('nbsvm', 'foo', 'stop').catch(() => {})
  await asUser('winvm', 'foo', 'stop').catch(() => {})
  fs.rmSync(folder, { recursive: true, force: true })
})

/** Runs a program as an ordinary user whose home is `user`. */
function asUser(...command: readonly string[]): Promise<Result> {
  const drop = ['setpriv', '--reuid', String(nobody), '--regid', String(nobody), '--clear-groups', '--']
  const [program = '', ...args] = [...(isRoot ? drop : []), ...command]
  return run(program, args, env)
}

async function done(...command: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await asUser(...command)
  assert.equal(status, 0, `${command.join(' ')}: ${stderr}`)
  return stdout
}

interface Packed {
  readonly filename: string
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

/** Packs a copy: `npm pack` builds dist/ anew, which other tests use at this moment. */
async function pack(): Promise<Packed> {
  const copy = path.join(folder, 'copy')
  fs.mkdirSync(copy)
  const tracked = [
    'src',
    'test',
    'scripts',
    'bench',
    'keys',
    'pacemaker',
    ...fs.readdirSync('.').filter((name) => fs.statSync(name).isFile()),
  ]
  for (const name of tracked.filter((name) => fs.existsSync(name))) fs.cpSync(name, path.join(copy, name), { recursive: true })
  fs.symlinkSync(path.join(repository, 'node_modules'), path.join(copy, 'node_modules'))
  const npm = ['--prefix', copy, 'pack', copy, '--json', '--pack-destination', folder]
  const { status, stdout, stderr } = await run('npm', npm, { ...env, HOME: folder, npm_config_cache: path.join(folder, 'cache') })
  assert.equal(status, 0, stderr)
  // What the build prints may stand before npm's own words; npm 11 gives an array, npm 12 an object by name.
  const parsed = JSON.parse(stdout.slice(stdout.search(/^[[{]/m))) as Packed[] | Record<string, Packed>
  const [packed] = Object.values(parsed)
  assert.ok(packed !== undefined)
  return packed
}

describe('the package', () => {
  let packed: Packed
  before(async () => {
    packed = await pack()
    await done('npm', 'install', '--global', '--prefix', prefix, path.join(folder, packed.filename))
  })

  test('holds what is needed to run it, and nothing else', () => {
    const files = packed.files.map((file) => file.path)
    const others = files.filter((file) => !file.startsWith('dist/'))
    assert.deepEqual(others.toSorted(), ['LICENSE', 'README.md', 'package.json'])
    assert.deepEqual(
      files.filter((file) => /test|fixture|bench|tsbuildinfo/.test(file)),
      [],
    )
    assert.deepEqual(
      files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts')),
      [],
    )
    assert.ok(packed.size < 1.5 * 1024 ** 2, `${packed.size} bytes`)
    assert.ok(packed.unpackedSize < 5 * 1024 ** 2, `${packed.unpackedSize} bytes unpacked`)
  })

  test('needs no other package, and names no place of the machine that built it', () => {
    const { dependencies } = JSON.parse(fs.readFileSync(path.join(library, 'package.json'), 'utf8')) as { dependencies?: object }
    assert.equal(dependencies, undefined)
    const grep = ['-rlF', '-e', repository, '-e', folder, library]
    assert.throws(() => execFileSync('grep', grep, { encoding: 'utf8' }), { status: 1 })
  })

  test("is run by its name, from the user's own prefix", async () => {
    const { version } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as { version: string }
    assert.equal(await done('nbsvm', 'version'), `nbsvm ${version}\n`)
    assert.match(await done('nbsvm'), /no VMs yet/)
    assert.match(await done('nbsvm', 'help', 'start'), /QEMU/)
  })

  test('a bug is told with files and lines of the source', async () => {
    const broken = path.join(user, 'broken.cjs')
    fs.writeFileSync(broken, "require('node:fs').unlinkSync = () => { throw new TypeError('such a bug') }\n")
    const { stderr, status } = await asUser('env', `NODE_OPTIONS=--require ${broken}`, 'nbsvm', 'bug', 'mem=64', 'start', '-S')
    assert.equal(status, 1)
    assert.match(stderr, /^nbsvm: such a bug\n {2}this is a bug in nbsvm [\d.]+ \(Node\.js [\d.]+\)/m)
    const [, line] = /at .*\(?src\/sys\/file\.ts:(\d+):\d+\)?$/m.exec(stderr) ?? []
    assert.match(fs.readFileSync('src/sys/file.ts', 'utf8').split('\n')[Number(line) - 1] ?? stderr, /fs\.unlinkSync\(/)
    assert.match(stderr, /at (?:async )?startVm \(src\/vm\/life\/start\.ts:\d+:\d+\)$/m)
    await done('nbsvm', 'bug', 'rm', '--yes')
  })

  test("makes, starts, shows and stops a VM, in the user's own folders", async () => {
    assert.equal(
      await done('nbsvm', 'foo', 'drive_size=1G', 'newimg', 'start'),
      `${user}/.local/share/nbsvm/drives/nbsvm-foo-0.qcow2\n`,
    )
    const [listed] = JSON.parse(await done('nbsvm', 'ls', '--json')) as Record<string, unknown>[]
    assert.equal(listed?.['state'], 'running')
    assert.ok(fs.existsSync(path.join(user, '.local/state/nbsvm/foo/lock')))
    await done('nbsvm', 'foo', 'stop', 'rm', '--yes')
  })

  test('winvm, a link beside it, is class win', async () => {
    fs.mkdirSync(path.join(user, '.config/nbsvm'), { recursive: true })
    fs.writeFileSync(path.join(user, '.config/nbsvm/win.class'), 'mem=300\ndrive_if=ide\ndrive_size=1G\n')
    await done('ln', '-s', 'nbsvm', path.join(prefix, 'bin/winvm'))
    await done('winvm', 'foo', 'newimg', 'start', '-S')
    const [listed] = JSON.parse(await done('nbsvm', 'ls', '--json')) as Record<string, unknown>[]
    assert.deepEqual([listed?.['id'], listed?.['class'], listed?.['drives']], ['win-foo', 'win', ['nbsvm-win-foo-0']])
    assert.match(await done('winvm', 'foo'), /300M RAM/)
    await done('winvm', 'foo', 'stop', 'rm', '--yes')
  })

  test('its man page is found in the prefix and reads well', async (context) => {
    const page = path.join(prefix, 'share/man/man1/nbsvm.1')
    assert.ok(fs.existsSync(page), page)
    if ((await asUser('sh', '-c', 'man --version')).status !== 0) return context.skip('man is not installed')
    const text = await done('man', '-M', path.join(prefix, 'share/man'), 'nbsvm')
    assert.match(text, /^NAME\n +nbsvm - /m)
    assert.match(text, /drive_size/)
  })

  test('its completion scripts are there, and each shell takes its own', async (context) => {
    const scripts = { bash: 'nbsvm.bash', zsh: '_nbsvm', fish: 'nbsvm.fish' }
    for (const [shell, name] of Object.entries(scripts)) {
      const file = path.join(library, 'dist/completion', name)
      assert.ok(fs.readFileSync(file, 'utf8').includes('newimg'), name)
      if ((await asUser('sh', '-c', `${shell} --version`)).status !== 0) context.diagnostic(`${shell} is not installed`)
      else await done(shell, '-n', file)
    }
    assert.match(await done('bash', '-c', `. ${library}/dist/completion/nbsvm.bash && complete -p nbsvm`), / nbsvm$/m)
  })

  test('a newer program in its place is all that an update is: compiled code, completion and man page are its own', async (context) => {
    const state = path.join(user, '.local/state/nbsvm')
    await done('nbsvm', 'kept', 'drive_size=1G', 'newimg')
    await done('mkdir', '-p', state)
    const asked = (): Promise<string[]> =>
      Promise.all([done('nbsvm', 'version'), done('nbsvm', 'man'), done('nbsvm', 'completion', 'bash'), done('nbsvm', 'ls')])
    const [version = '', man = '', completion = '', list = ''] = await asked()
    const kept = compiledBy(state)
    // What a release changes: the number, here, and a word of one table that all the others are made from.
    const changes: readonly (readonly [from: RegExp, to: string])[] = [
      [/version=`[\d.]+`/, 'version=`99.9.9`'],
      [/\bballoon:setting\(/, 'zeppelin:setting('],
    ]
    const file = path.join(library, 'dist/chunk/program.cjs')
    const text = changes.reduce(
      (before, [from, to]) => {
        assert.match(before, from)
        return before.replace(from, to)
      },
      fs.readFileSync(file, 'utf8'),
    )
    const original = fs.readFileSync(file)
    try {
      fs.writeFileSync(`${file}.new`, text)
      fs.renameSync(`${file}.new`, file)
      const [newVersion = '', newMan = '', newCompletion = '', newList = ''] = await asked()
      assert.equal(newVersion, 'nbsvm 99.9.9\n')
      assert.equal(newMan.includes('nbsvm 99.9.9') && newMan.includes('zeppelin=') && !man.includes('zeppelin='), true)
      assert.equal(newCompletion.includes('zeppelin=') && !completion.includes('zeppelin='), true)
      assert.equal(newList, list)
      if (kept === undefined) context.diagnostic(`Node.js ${process.version} keeps no compiled code`)
      else assert.notDeepEqual(compiledBy(state), kept)
    } finally {
      fs.writeFileSync(file, original)
    }
    assert.equal(await done('nbsvm', 'version'), version)
    await done('nbsvm', 'kept', 'rm', '--yes')
  })

  test("an update and a removal leave the user's VMs alone", async () => {
    await done('nbsvm', 'kept', 'drive_size=1G', 'newimg')
    await done('npm', 'install', '--global', '--prefix', prefix, path.join(folder, packed.filename))
    assert.match(await done('nbsvm', 'ls'), /^kept /m)
    await done('npm', 'uninstall', '--global', '--prefix', prefix, 'nbsvm')
    assert.equal(fs.existsSync(path.join(prefix, 'bin/nbsvm')), false)
    assert.equal(fs.existsSync(path.join(prefix, 'share/man/man1/nbsvm.1')), false)
    assert.ok(fs.existsSync(path.join(user, '.local/share/nbsvm/drives/nbsvm-kept-0.qcow2')))
    await done('npm', 'install', '--global', '--prefix', prefix, path.join(folder, packed.filename))
    await done('nbsvm', 'kept', 'rm', '--yes')
  })
})

/** What is kept of what V8 compiled, by file; undefined where this Node.js keeps nothing. */
function compiledBy(state: string): Record<string, string> | undefined {
  const folder = path.join(state, '.compiled')
  if (!fs.existsSync(folder)) return undefined
  const files = fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => fs.statSync(path.join(folder, name)).isFile())
  return Object.fromEntries(
    files.map((name) => [
      name,
      createHash('sha256')
        .update(fs.readFileSync(path.join(folder, name)))
        .digest('hex'),
    ]),
  )
}

describe('the library', () => {
  const project = path.join(user, 'project')
  const node = { PATH: env['PATH'], HOME: env['HOME'] }

  /** What the compiler says of these files of the project: `wrong.ts(2,4): error TS2345`. */
  async function checked(files: Readonly<Record<string, string>>, options: object): Promise<string[]> {
    for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(project, name), text)
    // A project of today's usual strictness, which has Node's own types.
    const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true }
    const typeRoots = [path.join(repository, 'node_modules/@types')]
    const compilerOptions = { module: 'nodenext', target: 'es2022', types: ['node'], typeRoots, ...strict, ...options }
    fs.writeFileSync(path.join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: Object.keys(files) }))
    const { stdout } = await run(path.join(repository, 'node_modules/.bin/tsc'), ['-p', project, '--pretty', 'false'], node)
    const errors = [...stdout.matchAll(/^(?:.*\/)?(?<error>[^/]+\(\d+,\d+\): error TS\d+)/gm)]
    assert.equal(errors.length, stdout.trim() === '' ? 0 : stdout.match(/error/g)?.length, stdout)
    return errors.map(({ groups }) => groups?.['error'] ?? '')
  }

  before(async () => {
    const archive = fs.readdirSync(folder).find((name) => name.endsWith('.tgz'))
    assert.ok(archive !== undefined)
    await done('mkdir', project)
    const manifest = path.join(project, 'package.json')
    fs.writeFileSync(manifest, '{ "name": "project", "private": true, "type": "module" }\n')
    if (isRoot) fs.chownSync(manifest, nobody, nobody)
    await done('npm', 'install', '--prefix', project, path.join(folder, archive))
  })

  test('is imported and required, from a project that installed the package, and works there', async () => {
    const words = "const vm = host().vm('foo', { class: 'win', drive_size: '1M', mem: 32 })"
    const steps = [
      'await vm.newimg()',
      "await vm.start({ qemuOptions: ['-S'] })",
      'console.log((await vm.status()).state, await vm.stop(), (await vm.rm()).drives, await host().list())',
    ]
    fs.writeFileSync(path.join(project, 'use.mjs'), ["import { host } from 'nbsvm'", words, ...steps].join('\n'))
    fs.writeFileSync(path.join(project, 'use.cjs'), `const { host } = require('nbsvm')\n${words}\nconsole.log(vm.id)\n`)
    assert.equal(await done('node', path.join(project, 'use.mjs')), "paused stopped [ 'nbsvm-win-foo-0' ] []\n")
    assert.equal(await done('node', path.join(project, 'use.cjs')), 'win-foo\n')
  })

  const right = `
    const web: VmHandle = host({ home: '/x' }).vm('web', { mem: '2G', smp: 2, tpm: true, firmware: 'uefi', forward: ['80:80'] })
    export async function use(signal: AbortSignal): Promise<number> {
      try {
        await using ports = await web.forward('8080:80', { signal })
        for await (const line of web.console()) if (line.includes(ports.forwards[0]?.address ?? '')) break
        for await (const { from, text } of web.exec(['true'])) process[from].write(text)
        const { status } = await web.exec(['true'], { input: 'x' })
        return status
      } catch (error) {
        if (error instanceof Failure && error.code === 'PORT_TAKEN') return error.hints.length
        throw error
      }
    }
  `
  const names = 'host, Failure, type VmHandle'

  test('has types for ES modules and CommonJS, with nothing that strict TypeScript has to say against them', async () => {
    const files = {
      'module.mts': `import { ${names} } from 'nbsvm'\n${right}`,
      'common.cts': `import { ${names} } from 'nbsvm'\n${right}`,
      'wrong.ts': [
        "import { host } from 'nbsvm'",
        'host().vm(42)',
        "host().vm('web', { firmware: 'coreboot' })",
        "host().vm('web', { memory: '2G' })",
        "host().vm('web').start({ signal: 'now' })",
        "host().vm('web').exec('true')",
      ].join('\n'),
    }
    const wrong = ['wrong.ts(2,11): error TS2345', 'wrong.ts(3,', 'wrong.ts(4,', 'wrong.ts(5,', 'wrong.ts(6,']
    const found = await checked(files, { lib: ['es2023', 'esnext.disposable'] })
    assert.deepEqual(
      found.map((error, at) => error.slice(0, wrong[at]?.length)),
      wrong,
    )
  })

  test('has types for JavaScript that is checked, and for projects of bundlers', async () => {
    const script = [
      "import { host } from 'nbsvm'",
      "const web = host().vm('web', { mem: 2048 })",
      'export const pid = async () => (await web.start()).pid + 1',
      'web.begin()',
    ].join('\n')
    const options = { allowJs: true, checkJs: true }
    assert.deepEqual(await checked({ 'script.js': script }, options), ['script.js(4,5): error TS2339'])
    assert.deepEqual(await checked({ 'script.js': script }, { ...options, module: 'esnext', moduleResolution: 'bundler' }), [
      'script.js(4,5): error TS2339',
    ])
  })
})
