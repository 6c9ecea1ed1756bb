// Lines for another machine, through a real sshd: the words, what they say and how they end are those of a line there.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { actions, commands } from '../src/action/rows.js'
import { agentKernel, program, run, until, type Result } from './cli.js'
import { freePort } from './guest.js'
import { makeMachines, whyNoMachine } from './support/machines.js'

/** What differs between two VMs and two moments. */
function plain({ status, stdout, stderr }: Result, name: string): Result {
  const same = (text: string): string =>
    text
      .replaceAll(`nbsvm box1:${name}`, `nbsvm ${name}`)
      .replaceAll('nbsvm ls box1:', 'nbsvm ls')
      .replaceAll(new RegExp(`\\b${name}\\b`, 'g'), 'NAME')
      .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'ID')
      .replaceAll(/\d+/g, 'N')
  return { status, stdout: same(stdout), stderr: same(stderr) }
}

describe('another machine', { skip: whyNoMachine }, () => {
  const { home, of } = makeMachines('box1', 'box2', 'bare')
  const { nbsvm } = home
  const there = of('box1')

  it('does and says what it does when it is called there', async () => {
    const lines = [
      ['status'],
      ['newimg'],
      ['drive_size=1M', 'newimg'],
      ['status'],
      ['resize', '+1M', '--drive=1'],
      ['explain', '--json'],
      ['export'],
      ['gold=gold', 'snapshot'],
      ['gold=gold', 'clone'],
      ['network= ', 'mem=64', 'start', '-S'],
      ['start'],
      ['start', '--if-needed', '-S'],
      ['wait', 'paused'],
      ['wait', '--timeout=1', 'running'],
      ['resume', 'pause', 'resume', 'reset'],
      ['key', 'ret'],
      ['exec', 'true'],
      ['cp', ':/x', '/tmp'],
      ['forward', '1:99999'],
      ['attach', '/nosuch'],
      ['detach', 'x'],
      ['eject'],
      ['balloon', '32M'],
      ['backup', '/nosuch'],
      ['backups', '/nosuch'],
      ['restore', '/nosuch'],
      ['run', '/nosuch'],
      ['status'],
      ['rm', '--yes'],
      ['freeze', '--rm'],
      ['gold=nosuch', 'fork'],
      ['checkpoints'],
      ['rollback', 'nosuch', '--yes'],
      ['shutdown', 'nosuch'],
      ['stop'],
      ['checkpoint', 'x', 'y'],
      ['save'],
      ['console'],
      // It would serve until Ctrl-C.
      ['web', '--port=0'],
      ['monitor'],
      ['vnc'],
      ['ssh', 'true'],
      ['type', 'x'],
      ['screenshot', '/nosuch/x.png'],
      ['forward', '--remove', '1'],
      ['disable'],
      ['rm-drive', '7', '--yes'],
      ['rm-drive', '1', '--yes'],
      ['mem=x', 'start'],
      ['rm'],
      ['rm', '--yes'],
      ['rm', '--yes'],
      ['import', '/nosuch/x.vm'],
      ['adopt', '4000000000'],
      ['enable'],
      ['log'],
      ['mem=x', 'move', 'nosuch'],
      ['mem=x', 'send'],
      ['mem=x', 'receive'],
    ]
    const tried = new Set(lines.flat())
    assert.deepEqual(
      actions.filter(({ name }) => !tried.has(name)),
      [],
      'actions that no line here tries',
    )
    assert.equal((await there.nbsvm(['gold', 'drive_size=1M', 'newimg'])).status, 0)
    for (const words of lines) {
      const [direct, remote] = [await there.nbsvm(['vmhere', ...words]), await nbsvm(['box1:vmthere', ...words])]
      assert.deepEqual(plain(remote, 'vmthere'), plain(direct, 'vmhere'), words.join(' '))
    }
    for (const { name } of commands) {
      const more: Readonly<Record<string, string>> = { completion: 'bash', web: '--port=0' }
      const words = [name, more[name] ?? []].flat()
      // What doctor finds out within its time, and how much room there is, are of the moment.
      const same = async (): Promise<void> =>
        assert.deepEqual(await nbsvm(['box1:', ...words]), await there.nbsvm(words), words.join(' '))
      await same().catch(same)
    }
  })

  it('bytes, exit statuses and words of a guest come through', async () => {
    assert.equal((await nbsvm(['box1:guest', 'start', ...agentKernel])).status, 0)
    assert.equal((await nbsvm(['box1:guest', 'timeout=120', 'wait', 'agent'])).status, 0)
    const script = 'cat; printf "<%s>" "$@" >&2; exit 7'
    const words = ["it's", 'a  b', '\\', '"', '$HOME', 'é', '']
    const { status, stdout, stderr } = await nbsvm(['box1:guest', 'exec', 'sh', '-c', script, 'sh', ...words], { input: 'in\n' })
    assert.deepEqual([status, stdout, stderr], [7, 'in\n', words.map((word) => `<${word}>`).join('')])
    const { stdout: png } = await nbsvm(['box1:guest', 'screenshot', '-'])
    assert.match(png, /PNG/)
    for (const line of [
      ['log'],
      ['status', '--json'],
      ['wait', '--all', 'ready'],
      ['wait', '--timeout=1', 'nosuch'],
      ['exec', 'nosuch'],
      ['exec', '--timeout=1', 'sleep', '9'],
      ['type', '\n'],
      ['cp', ':/nosuch', '.'],
    ]) {
      // The guest may get an address in between.
      const same = async (): Promise<void> =>
        assert.deepEqual(
          plain(await nbsvm(['box1:guest', ...line]), 'guest'),
          plain(await there.nbsvm(['guest', ...line]), 'guest'),
          line.join(' '),
        )
      await same().catch(same)
    }
    await nbsvm(['box1:guest', 'stop'])
  })

  it('Ctrl-C here undoes it there', async () => {
    const source = path.join(there.folder, 'source.raw')
    for (let megabytes = 0; megabytes < 1024; megabytes += 64)
      fs.appendFileSync(source, Buffer.alloc(64 * 1024 ** 2, megabytes + 1))
    const drives = path.join(there.folder, 'drives')
    const before = fs.readdirSync(drives)
    const child = spawn(program, ['box1:copied', `source=${source}`, 'clone'], { env: home.env, stdio: 'ignore' })
    const ended = new Promise((resolve) => child.on('close', resolve))
    await until('the copy', 20_000, () => fs.readdirSync(drives).length > before.length)
    child.kill('SIGINT')
    assert.equal(await ended, 130)
    assert.deepEqual(fs.readdirSync(drives), before)
    assert.match((await nbsvm(['box1:copied', 'stop'])).stderr, /there is no VM copied/)
    fs.rmSync(source)
  })

  it('several machines are one line, and one list', async () => {
    for (const [host, names] of [
      ['box1', ['a', 'b']],
      ['box2', ['a', 'c']],
    ] as const)
      assert.equal((await nbsvm([names.map((name) => `${host}:${name}`).join(','), 'drive_size=1M', 'newimg'])).status, 0)
    assert.equal((await nbsvm(['here', 'drive_size=1M', 'newimg'])).status, 0)
    const { status, stdout } = await nbsvm(['box1:a,box2:*,here', 'status'])
    assert.equal(status, 3)
    assert.deepEqual([...new Set(stdout.match(/^\S+: /gm))].toSorted(), ['box1:a: ', 'box2:a: ', 'box2:c: ', 'here: '])
    const list = await nbsvm(['ls', ':', 'box1:', 'box2:'])
    assert.equal(list.status, 0, list.stderr)
    for (const id of ['here', 'box1:a', 'box1:b', 'box2:a', 'box2:c'])
      assert.match(list.stdout, new RegExp(`^${id} +stopped`, 'm'))
    const ids = (JSON.parse((await nbsvm(['ls', '--json', 'box2:'])).stdout) as { id: string }[]).map(({ id }) => id)
    assert.deepEqual(ids, ['box2:a', 'box2:c'])
    assert.equal((await nbsvm(['box2:'])).stdout, (await nbsvm(['ls', 'box2:'])).stdout)
    assert.match((await nbsvm(['box1:a,box2:a', 'console'])).stderr, /console takes over the terminal/)
  })

  it('what one machine sends, another receives', async () => {
    assert.equal((await nbsvm(['box1:sent', 'drive_size=1M', 'newimg'])).status, 0)
    const line = `${process.execPath} ${program} box1:sent send | ${process.execPath} ${program} box2:taken receive`
    const { status, stderr } = await run('sh', ['-c', line], home.env)
    assert.equal(status, 0, stderr)
    assert.match(stderr, /^sent sent; it is still here as well/m)
    assert.match(stderr, /^received taken from \S+$/m)
    const list = await nbsvm(['ls', '-c', 'vm,drives', 'box1:', 'box2:'])
    for (const row of [/^box1:sent +nbsvm-sent-0$/m, /^box2:taken +nbsvm-taken-0$/m]) assert.match(list.stdout, row)
    for (const gone of ['box1:sent', 'box2:taken']) assert.equal((await nbsvm([gone, 'rm', '--yes'])).status, 0)
  })

  it('it is called as in the caller’s own ssh_config, behind another one too', async () => {
    const port = await freePort()
    const file = path.join(home.folder, 'keys/config')
    const config = fs.readFileSync(file, 'utf8')
    const [, command = ''] = /^Host box2\n +ProxyCommand (.*)$/m.exec(config) ?? []
    const key = fs.readFileSync(path.join(home.folder, 'keys/box2.pub'), 'utf8').split(' ', 2).join(' ')
    const inner = ['HostName 127.0.0.1', `Port ${port}`, 'ProxyJump box1', `KnownHostsCommand /bin/echo inner ${key}`]
    const more = ['HostKeyAlias inner', 'UserKnownHostsFile none', 'ControlMaster no', 'RequestTTY force', 'RemoteCommand true']
    const ports = [`LocalForward 127.0.0.1:${port} localhost:1`, 'ExitOnForwardFailure yes']
    fs.writeFileSync(file, `Host inner\n  ${[...inner, ...more, ...ports].join('\n  ')}\n${config}`)
    const door = spawn('socat', [`TCP-LISTEN:${port},bind=127.0.0.1,fork`, `EXEC:${command}`], { stdio: 'ignore' })
    try {
      const { status, stderr } = await nbsvm(['inner:within', 'drive_size=1M', 'newimg'])
      assert.equal(status, 0, stderr)
      assert.match((await nbsvm(['ls', 'inner:'])).stdout, /^inner:within +stopped/m)
      assert.equal((await nbsvm(['box2:within', 'rm', '--yes'])).status, 0)
    } finally {
      door.kill()
      fs.writeFileSync(file, config)
    }
  })

  it('one that cannot be reached, or is none, is told with what to do', async () => {
    fs.rmSync(path.join(of('bare').bin, 'nbsvm'))
    const bare = await nbsvm(['bare:web', 'start'])
    assert.equal(bare.status, 127)
    assert.match(bare.stderr, /there is no nbsvm on \S+, or not in the PATH of a line by ssh/)
    fs.writeFileSync(
      path.join(of('bare').bin, 'nbsvm'),
      '#!/bin/sh\n[ "$1" = version ] && echo nbsvm 9.9.9 && exit; echo no >&2; exit 2\n',
      { mode: 0o755 },
    )
    assert.match((await nbsvm(['bare:web', 'start'])).stderr, /^no\nbare has nbsvm 9\.9\.9, and here is \d/m)
    fs.writeFileSync(path.join(of('bare').bin, 'nbsvm'), '#!/bin/sh\nexec nonode "$0"\n', { mode: 0o755 })
    assert.match((await nbsvm(['bare:web', 'start'])).stderr, /^nbsvm on bare does not run: .*nonode/m)
    fs.writeFileSync(path.join(of('bare').bin, 'nbsvm'), '#!/bin/sh\necho "[{}]"\n', { mode: 0o755 })
    const listed = await nbsvm(['ls', 'bare:', 'box2:'])
    assert.equal(listed.status, 1)
    assert.match(listed.stderr, /bare gives no list: its \[0\]\.id is not the name of a VM/)
    assert.match(listed.stdout, /^box2:a /m)
    const unknown = await nbsvm(['nowhere.invalid:web', 'start'])
    assert.equal(unknown.status, 1)
    assert.deepEqual([unknown.stdout, (await nbsvm(['ls', 'nowhere.invalid:'])).stdout], ['', ''])
    assert.match(unknown.stderr, /cannot reach nowhere\.invalid by ssh: .*Could not resolve hostname/)
    assert.equal((await nbsvm(['-oProxyCommand=x:web', 'start'])).status, 2)
    for (const [line, status, expected] of [
      ['box1: start', 2, 'which VM of box1?\n  write: nbsvm box1:VM start'],
      ['box1: web start', 2, 'which VM of box1?\n  write: nbsvm box1:web start'],
      [
        'box1:/etc/x start',
        2,
        '"/etc/x" is not a VM name, but a path\n  files of a guest there: nbsvm box1:VM cp :/etc/hostname .',
      ],
      ['ssh://box1/web start', 2, '"//box1/web" is not a VM name, but a path'],
      [':web start', 2, '":web" names no machine before the colon'],
      ['ls box1', 2, 'unexpected argument "box1" after nbsvm ls\n  the VMs of a machine: nbsvm ls box1:'],
      [
        'box1:a box2:b start',
        2,
        'unknown action "box2:b"\n  see all actions: nbsvm help\n  several VMs: nbsvm box1:a,box2:b ACTION',
      ],
      [
        'box1:a box2:b move',
        2,
        'unknown action "box2:b"\n  see all actions: nbsvm help\n  from one machine to another: nbsvm box1:a move box2:b',
      ],
      [
        'box1 db start',
        2,
        'unknown action "db"\n  see all actions: nbsvm help\n  several VMs: nbsvm VM1,VM2 ACTION\n  of another machine: nbsvm box1:db ACTION',
      ],
      ['box1:a create', 2, 'unknown action "create"\n  try: nbsvm box1:a newimg start'],
      ['ls box1:web', 2, 'unexpected argument "box1:web" after nbsvm ls\n  one VM there: nbsvm box1:web status'],
      ['doctor box1:', 2, 'unexpected argument "box1:" after nbsvm doctor\n  on that machine: nbsvm box1: doctor'],
      ['cp a box1:web:/x', 2, 'the VM\'s name comes first, not "cp"\n  try: nbsvm box1:web cp a :/x'],
      ['cp web:/x .', 2, 'the VM\'s name comes first, not "cp"\n  try: nbsvm web cp :/x .'],
      [
        'box1:zzz stop',
        2,
        'there is no VM zzz\n  make it: nbsvm box1:zzz newimg\n  with a system in it: nbsvm box1:zzz image=debian newimg\n  see which there are: nbsvm ls box1:',
      ],
      ['box1:zzz* stop', 2, 'no VM matches "zzz*"\n  see which there are: nbsvm ls box1:'],
      ['box1:a,box1:b forward 8080:80', 2, 'forward opens ports of this machine, so it is for one VM at a time'],
      [
        'box1:a forward 53:53/udp',
        2,
        'udp does not go through the connection to box1\n  on box1 itself: ssh box1 nbsvm VM forward 53:53/udp',
      ],
    ] as const) {
      const said = await nbsvm(line.split(' '))
      assert.deepEqual([said.status, said.stderr.startsWith(`nbsvm: ${expected}\n`)], [status, true], `${line}: ${said.stderr}`)
    }
    // A machine without its colon.
    fs.mkdirSync(path.join(home.folder, '.ssh'))
    fs.writeFileSync(path.join(home.folder, '.ssh/config'), 'Host box1 box2\n')
    assert.match(
      (await nbsvm(['box1', 'start'])).stderr,
      /there is no VM box1\n {2}a VM of the machine box1: nbsvm box1:VM \.\.\.;/,
    )
  })
})
