// The completion scripts in the real shells: bash, zsh and fish must offer the same words.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { shells } from '../src/action/shell/offer.js'
import { actions, commands } from '../src/action/rows.js'
import { settingNames } from '../src/config/settings.js'
import { hashHex } from '../src/sys/stamp.js'
import {
  asRoot,
  asUser,
  bashCompletion,
  cannotBeRoot,
  cannotBeUser,
  complete,
  folder,
  has,
  print,
  script,
  sorted,
  typeInto,
} from './shells.js'

after(() => fs.rmSync(folder, { recursive: true, force: true }))

const home = path.join(folder, 'home')
fill(home, { state: 'state', drives: 'drives', config: 'config' })
for (const name of [
  'foo/checkpoints/before',
  'foo/checkpoints/later',
  'foo/checkpoints/$(id)',
  'win-foo/checkpoints/old',
  'web1',
])
  fs.mkdirSync(path.join(home, 'vms', name), { recursive: true })

// Machines that ssh knows, and connections to two of them: one's name is too long for that of a socket.
const longName = 'box4.in.a.domain.whose.name.is.long'
fs.mkdirSync(path.join(folder, '.ssh'))
fs.writeFileSync(path.join(folder, '.ssh/config'), 'Host box1 *.lan\n  User me\nhost box2 !no\nMatch host box3\n')
fs.mkdirSync(path.join(home, 'state/.ssh'))
for (const [name, vms] of [
  ['to-box1', 'away\\nweb\\n$(id)'],
  [hashHex(longName).slice(0, 16), 'far'],
]) {
  const socket = path.join(home, 'state/.ssh', name ?? '')
  const listener = net.createServer().listen(socket)
  after(() => listener.close())
  fs.appendFileSync(path.join(folder, 'answers'), `case $* in *ControlPath=${socket}*) printf 'VM\\n${vms}\\n';; esac\n`)
}
fs.writeFileSync(path.join(folder, 'bin/ssh'), `#!/bin/sh\n. ${folder}/answers\n`, { mode: 0o755 })

const settings = ['class', ...settingNames].map((name) => `${name}=`)
const actionNames = actions.map(({ name }) => name)
const commandNames = commands.map(({ name }) => name)
const all = [...actionNames, ...settings]

/** What is typed, and what may stand in place of its last word; `<files>` is what the shell itself knows. */
const cases: readonly (readonly [line: string, words: readonly string[], environment?: Record<string, string>])[] = [
  ['nbsvm ', [...commandNames, 'db-1', 'foo', 'fresh', 'web1', 'web2', 'web3', 'win-foo', 'win-x']],
  ['nbsvm fo', ['foo']],
  ['nbsvm ver', ['version']],
  ['nbsvm web1,we', ['web1,web2', 'web1,web3']],
  ['nbsvm web1,web2,', ['db-1', 'foo', 'fresh', 'web3', 'win-foo', 'win-x'].map((name) => `web1,web2,${name}`)],
  ['./winvm ', [...commandNames, 'foo', 'x']],
  ['nbsvm ', [...commandNames, 'foo', 'x'], { class: 'win' }],
  ['nbsvm foo ', all],
  ['nbsvm foo st', ['start', 'stop', 'status', 'store=']],
  ['nbsvm foo mem', ['mem=']],
  ['nbsvm foo mem=2048 ', all],
  ['nbsvm foo usb= ', all],
  ['nbsvm foo drive_if=', ['virtio', 'scsi', 'ide', 'sata', 'nvme', 'usb'].map((word) => `drive_if=${word}`)],
  ['nbsvm foo drive_if=s', ['drive_if=scsi', 'drive_if=sata']],
  ['nbsvm foo smp=2 accel=t', ['accel=tcg']],
  ['nbsvm foo source=', ['source=<files>']],
  ['nbsvm foo gold=we', ['gold=web1', 'gold=web2', 'gold=web3']],
  ['nbsvm foo class=', ['class=win', 'class=server']],
  ['nbsvm foo mem=', []],
  ['nbsvm foo forward=2222:22 sta', ['start', 'status']],
  ['nbsvm foo newimg sn', ['snapshot']],
  ['nbsvm foo newimg ', actionNames],
  ['nbsvm foo newimg me', []],
  ['nbsvm foo status --', ['--json']],
  ['nbsvm foo status --json ', actionNames],
  ['nbsvm foo resize ', []],
  ['nbsvm foo resize 30G sta', ['start', 'status']],
  ['nbsvm foo resize --', ['--drive=', '--shrink']],
  ['nbsvm foo resize --drive=', ['--drive=0', '--drive=1']],
  ['nbsvm foo rm-drive ', ['0', '1']],
  ['nbsvm foo,web1 rm-drive ', ['0', '1', '7']],
  ['nbsvm foo class=win rm-drive ', ['2']],
  ['winvm foo rm-drive ', ['2']],
  ['winvm foo class= rm-drive ', ['0', '1']],
  ['nbsvm foo rm-drive 1 ', actionNames],
  ['nbsvm foo rollback ', ['before', 'later']],
  ['nbsvm foo,web1 rollback b', ['before']],
  ['winvm foo rollback ', ['old']],
  ['nbsvm web1 rollback ', []],
  ['nbsvm foo checkpoint b', []],
  ['nbsvm foo checkpoints --rm=', ['--rm=before', '--rm=later']],
  ['nbsvm foo rm-drive 1 -- ', actionNames],
  ['nbsvm foo start ', actionNames],
  ['nbsvm foo start con', ['console']],
  ['nbsvm foo start -cdrom ', ['<files>']],
  ['nbsvm foo start -cdrom a.iso -boot ', ['<files>']],
  ['nbsvm foo start -cdrom a.iso -', ['--']],
  ['nbsvm foo start -cdrom a.iso -- v', ['vnc']],
  ['nbsvm foo stop start console ', actionNames],
  ['nbsvm foo wait ', ['agent', 'cloud-init', 'paused', 'running', 'ssh', 'stopped']],
  ['nbsvm foo wait --', ['--all', '--timeout=']],
  ['nbsvm foo wait stopped ', actionNames],
  ['nbsvm foo run ', ['<files>']],
  ['nbsvm ls --', ['--json', '--timeout=', '--watch']],
  ['nbsvm ls fo', []],
  ['nbsvm bo', ['box1:', 'box2:']],
  ['nbsvm web1,bo', ['web1,box1:', 'web1,box2:']],
  ['nbsvm box1:', ['box1:away', 'box1:web']],
  ['nbsvm box1:away,box1:', ['box1:away,box1:web']],
  ['nbsvm box2:', []],
  [`nbsvm ${longName}:`, [`${longName}:far`]],
  ['nbsvm box1:web sta', ['start', 'status']],
  ['nbsvm ls bo', ['box1:', 'box2:']],
  ['nbsvm ssh-config foo box1:a', ['box1:away']],
  ['nbsvm inventory we', ['web1', 'web2', 'web3']],
  ['nbsvm completion ', ['bash', 'zsh', 'fish']],
  ['nbsvm help ', [...new Set([...actionNames, ...commandNames, ...settingNames])]],
  ['nbsvm help drive_', ['drive_if', 'drive_size']],
  ['nbsvm help start ', []],
]

for (const shell of shells) {
  const skip = has(shell) ? false : `${shell} is not installed`
  describe(`completion in ${shell}`, { skip }, () => {
    it('has no syntax error', () => {
      const { status, stderr } = spawnSync(shell, ['-n', script(shell)], { encoding: 'utf8' })
      assert.deepEqual([status, stderr], [0, ''])
    })

    it('offers what may come next, and nothing else', () => {
      for (const environment of [{}, { class: 'win' }]) {
        const asked = cases.filter(([, , own]) => JSON.stringify(own ?? {}) === JSON.stringify(environment))
        const lines = asked.map(([line]) => line)
        const answers = complete(shell, lines, { NBSVM_HOME: home, ...environment })
        asked.forEach(([line, expected], at) => assert.deepEqual(sorted(answers[at] ?? []), sorted(expected), line))
      }
    })

    it("finds an ordinary user's VMs by the XDG rules", { skip: cannotBeUser() }, () => {
      const user = path.join(folder, `user-${shell}`)
      const usual = { state: '.local/state/nbsvm', drives: '.local/share/nbsvm/drives', config: '.config/nbsvm' }
      fill(user, usual)
      const names = ['foo', 'fresh']
      assert.deepEqual(sorted(complete(shell, ['nbsvm f'], { HOME: user }, asUser)[0] ?? []), names)
      const relative = { HOME: user, XDG_STATE_HOME: 'state', XDG_DATA_HOME: 'data', XDG_CONFIG_HOME: 'config' }
      assert.deepEqual(sorted(complete(shell, ['nbsvm f'], relative, asUser)[0] ?? []), names)
      const moved = { XDG_STATE_HOME: `${user}/s`, XDG_DATA_HOME: `${user}/d`, XDG_CONFIG_HOME: `${user}/c` }
      fs.mkdirSync(`${user}/s/nbsvm/here`, { recursive: true })
      fs.mkdirSync(`${user}/d/nbsvm/drives`, { recursive: true })
      fs.writeFileSync(`${user}/d/nbsvm/drives/nbsvm-there-0.raw`, '')
      const found = complete(shell, ['nbsvm here', 'nbsvm there', 'nbsvm f'], { HOME: user, ...moved }, asUser)
      assert.deepEqual(found, [['here'], ['there'], []])
    })

    it("finds root's VMs in /var/lib/nbsvm and on LVM volumes", { skip: cannotBeRoot() }, () => {
      assert.deepEqual(complete(shell, ['nbsvm root', 'nbsvm on', 'nbsvm onlvm rm-drive '], { HOME: '/root' }, asRoot), [
        ['rootvm'],
        ['onlvm'],
        ['3'],
      ])
    })

    it('offers no name that the shell would run', () => {
      const odd = path.join(folder, `odd-${shell}`)
      for (const name of ['state/$(id)', 'state/a b', 'state/-rf', 'state/drives', 'drives', 'config']) {
        fs.mkdirSync(path.join(odd, name), { recursive: true })
      }
      fs.writeFileSync(path.join(odd, 'drives', 'nbsvm-$(id)-0.raw'), '')
      fs.writeFileSync(path.join(odd, 'drives', '.nbsvm-half-0.raw'), '')
      fs.writeFileSync(path.join(odd, 'config', 'a;b.vm'), '')
      assert.deepEqual(sorted(complete(shell, ['nbsvm '], { NBSVM_HOME: odd })[0] ?? []), sorted(commandNames))
    })

    it('completes what is typed at a prompt, names of files too', () => {
      const place = path.join(folder, `files-${shell}`)
      fs.mkdirSync(place)
      fs.writeFileSync(path.join(place, 'debian.iso'), '')
      const typed = [
        `nbsvm foo start -cdrom ${place}/deb\t\n`,
        `nbsvm foo source=${place}/deb\t snap\t\n`,
        'nbsvm fo\t drive_if=nv\t star\t\n',
      ]
      const screen = typeInto(shell, typed, { NBSVM_HOME: home })
      assert.match(screen, new RegExp(`<foo start -cdrom ${place}/debian.iso>`))
      assert.match(screen, new RegExp(`<foo source=${place}/debian.iso snapshot>`))
      assert.match(screen, /<foo drive_if=nvme start>/)
    })

    const cannotLoad = shell === 'bash' && !fs.existsSync(bashCompletion) ? 'bash-completion is not installed' : false
    it('is loaded by the name of the program from where help says that it goes', { skip: cannotLoad }, () => {
      const screen = typeInto(shell, ['nbsvm web1,fo\t star\t\n'], { NBSVM_HOME: home }, 'installed')
      assert.match(screen, /<web1,foo start>/)
    })
  })
}

describe('nbsvm completion', () => {
  it('names the three shells where it is given another word', async () => {
    await assert.rejects(print('tcsh'), { exitStatus: 2, message: /for bash, zsh and fish, not for "tcsh"/ })
  })

  it('completes the link of a class, too', async () => {
    assert.match(await print('bash', 'win'), /^complete -F _nbsvm nbsvm winvm$/m)
    assert.match(await print('zsh', 'win'), /^#compdef nbsvm winvm$/m)
    assert.match(await print('fish', 'win'), /^complete -c 'winvm' -f /m)
  })

  it('starts neither nbsvm nor Node while you type', () => {
    assert.ok(fs.existsSync(path.join(folder, 'bin', 'nbsvm')), 'all of the above ran with these in PATH')
    assert.equal(fs.existsSync(path.join(folder, 'started')), false)
  })

  it('is clean shell code', { skip: has('shellcheck') ? false : 'shellcheck is not installed' }, () => {
    const { stdout } = spawnSync('shellcheck', ['-s', 'bash', script('bash')], { encoding: 'utf8' })
    assert.equal(stdout, '')
  })
})

/** VMs in every way that one can be seen: a drawer, a drive, a settings file. */
function fill(root: string, { state, drives, config }: { state: string; drives: string; config: string }): void {
  for (const name of ['foo', 'web1', 'db-1', '.hidden']) fs.mkdirSync(path.join(root, state, name), { recursive: true })
  fs.mkdirSync(path.join(root, drives, '.base'), { recursive: true })
  for (const name of [
    'foo-0.qcow2',
    'foo-1.raw',
    'web1-7.qcow2',
    'web2-0.qcow2',
    'web3-0.raw',
    'win-foo-2.qcow2',
    'web4.qcow2',
  ]) {
    fs.writeFileSync(path.join(root, drives, `nbsvm-${name}`), '')
  }
  fs.mkdirSync(path.join(root, config), { recursive: true })
  for (const name of ['fresh.vm', 'win-x.vm', 'win.class', 'server.class', 'default.class']) {
    fs.writeFileSync(path.join(root, config, name), '')
  }
}
