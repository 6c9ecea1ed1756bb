// What goes through a line for another machine, and a real sshd: files of this one, there and back, the screen, ports, ssh's entries.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { before, describe, it } from 'node:test'
import { agentKernel, program, until, type Result } from './cli.js'
import { freePort } from './guest.js'
import { makeMachines, whyNoMachine } from './support/machines.js'

/** Whether nobody listens there. */
function isFreeAt(port: number): Promise<boolean> {
  const server = net.createServer()
  return new Promise((resolve) => {
    server.on('error', () => resolve(false))
    server.listen(port, '127.0.0.2', () => server.close(() => resolve(true)))
  })
}

describe('through a line for another machine', { skip: whyNoMachine }, () => {
  const { home, of } = makeMachines('box1', 'box2', 'strict')
  const { nbsvm } = home
  const box1 = of('box1')
  const here = path.join(home.folder, 'here')

  const said = async (...words: string[]): Promise<string> => {
    const { status, stdout, stderr } = await nbsvm(words)
    assert.equal(status, 0, stderr)
    return stdout + stderr
  }
  const refused = async (...words: string[]): Promise<Result> => {
    const result = await nbsvm(words)
    assert.notEqual(result.status, 0)
    return result
  }
  const write = (name: string, text: string, mode = 0o644): void => {
    fs.mkdirSync(path.dirname(path.join(here, name)), { recursive: true })
    fs.writeFileSync(path.join(here, name), text, { mode })
  }
  const read = (name: string): string => fs.readFileSync(path.join(here, name), 'utf8')

  before(async () => {
    fs.mkdirSync(here)
    // Relative names are those of this folder.
    process.chdir(here)
    await said('box1:guest', 'network=-nic user,model=virtio-net-pci', 'start', ...agentKernel)
    assert.equal((await nbsvm(['box1:guest', 'timeout=120', 'wait', 'agent'])).status, 0)
  })

  it('cp: a tree goes into the guest there, and comes back here as it was', async () => {
    write('site/a b', 'one\n')
    write("site/sub/it's", 'two\n', 0o750)
    fs.symlinkSync("sub/it's", path.join(here, 'site/link'))
    fs.mkdirSync(path.join(here, 'site/closed'), { mode: 0o555 })
    fs.mkdirSync(path.join(here, 'back'))
    assert.equal(await said('box1:guest', 'cp', './site', ':/srv-of-it'), '')
    assert.equal(await said('box1:guest', 'cp', ':/srv-of-it/sub', ':/srv-of-it/a b', 'back'), '')
    assert.equal(await said('box1:guest', 'cp', ':/srv-of-it', path.join(here, 'back/site')), '')
    const looks = (folder: string): string =>
      execFileSync('sh', ['-c', 'find . -printf "%p %y %m %l\\n" | sort; cat "a b" link'], { cwd: folder, encoding: 'utf8' })
    assert.equal(looks(path.join(here, 'back/site')), looks(path.join(here, 'site')))
    assert.deepEqual([read("back/sub/it's"), read('back/a b')], ['two\n', 'one\n'])
    write('back/sub/mine', 'stays')
    fs.mkdirSync(path.join(here, 'deep'))
    await said('box1:guest', 'exec', 'sh', '-c', 'echo three >/srv-of-it/sub/new', '--', 'cp', ':/srv-of-it/sub', 'deep/../back')
    assert.deepEqual(fs.readdirSync(path.join(here, 'back/sub')).toSorted(), ["it's", 'mine', 'new'])
  })

  it('what is wrong is told as it is where the line is run', async () => {
    write('file', 'x')
    for (const [words, message] of [
      [['cp', './nosuch', ':/tmp/'], 'there is no file or folder ./nosuch'],
      [['cp', 'file', ':/no/such'], 'there is no folder /no in the guest'],
      [['cp', ':/etc', 'nosuch/x'], 'there is no folder nosuch'],
      [['cp', '/', ':/tmp/'], '/ as a whole cannot be copied'],
      [['screenshot', path.join(here, 'nosuch/x.png')], `cannot write ${here}/nosuch/x.png: there is no folder ${here}/nosuch`],
    ] as const)
      assert.equal((await refused('box1:guest', ...words)).stderr, `nbsvm: ${message}\n`)
    for (const words of [
      ['cdrom=file', 'start'],
      ['share=./site:/srv', 'start'],
      ['attach', 'file'],
    ]) {
      const { status, stderr } = await refused('box1:guest', ...words)
      assert.equal(status, 2)
      assert.match(stderr, /would be a file of box1, not of this machine\n {2}write its absolute path there/)
    }
  })

  it('run does the steps of a file here, whose files are of here too; screenshot writes here', async () => {
    write('steps', `# some\n\ncp file :/tmp/brought\ncp :/tmp/brought '${here}/fetched one'\nscreenshot ./a.png\nexec false\n`)
    write('file', 'brought')
    const { status, stderr } = await refused('box1:guest', 'run', 'steps', 'screenshot', 'b.png')
    assert.equal(status, 1)
    assert.match(stderr, new RegExp(`^ +\\d+\\.\\d s {2}cp :/tmp/brought '${here}/fetched one'$`, 'm'))
    assert.match(stderr, /^\.\/a\.png: \d+ x \d+ pixels$/m)
    assert.match(stderr, /^steps:6: it ended with status 1$/m)
    assert.equal(read('fetched one'), 'brought')
    // The chain stopped there, and what was done by then is done.
    assert.deepEqual([fs.existsSync(path.join(here, 'a.png')), fs.existsSync(path.join(here, 'b.png'))], [true, false])
    const [png] = [await said('box1:guest', 'screenshot', path.join(here, 'a.png'))]
    assert.match(png, new RegExp(`^${here}/a\\.png: `))
    write('bad', 'strat\n')
    assert.match((await refused('box1:guest', 'run', 'bad')).stderr, /^nbsvm: bad:1: unknown action "strat"/)
  })

  it('user_data, password and ssh_key name files of here; no secret key leaves', async () => {
    write('user-data', '#cloud-config\nruncmd: [touch /x]\n')
    write('password', 'geheim\n', 0o600)
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'me@here', '-f', path.join(here, 'key')])
    const pairs = [`user_data=${here}/user-data`, `password=${here}/password`, `ssh_key=${here}/key`]
    const { stdout } = await nbsvm(['box1:told', ...pairs, 'explain'])
    assert.match(stdout, /runcmd: \[touch \/x\]/)
    assert.ok(stdout.includes(read('key.pub').trim()), stdout)
    assert.ok(!stdout.includes(box1.folder + '/tmp'), stdout)
    const missing = await refused('box1:told', `user_data=${here}/nosuch`, 'newimg', 'start')
    assert.match(missing.stderr, new RegExp(`user_data: there is no file ${here}/nosuch`))
    assert.match((await refused('box1:told', `ssh_key=${here}/nosuch`, 'start')).stderr, /ssh_key: there is no file/)
  })

  it('several machines get the same files, and this one has them', async () => {
    write('steps2', 'explain --json\n')
    const { status, stderr } = await nbsvm(['box1:x,box2:y,z', 'run', 'steps2'])
    assert.equal(status, 0, stderr)
    for (const id of ['box1:x', 'box2:y', 'z']) assert.match(stderr, new RegExp(`^${id}: .*explain --json$`, 'm'))
  })

  it('vnc shows the screen here, on a port of this machine', async () => {
    await said('box1:guest', 'viewer=vncsnapshot -quiet -passwd {passwd} 127.0.0.1::{port} shot.jpg', 'vnc')
    assert.equal(fs.readFileSync(path.join(here, 'shot.jpg')).readUInt16BE(0), 0xffd8)
    const { status, stderr } = await nbsvm(['box1:nosuch', 'vnc'])
    assert.deepEqual(
      [status, stderr],
      [
        2,
        'nbsvm: there is no VM nosuch\n  make it: nbsvm box1:nosuch newimg\n  with a system in it: nbsvm box1:nosuch image=debian newimg\n  see which there are: nbsvm ls box1:\n',
      ],
    )
    assert.match((await refused('box1:a,box1:b', 'vnc')).stderr, /one VM at a time/)
  })

  it('exec that is cut off is told as what exec itself could not do, and ended in the guest', async () => {
    const child = spawn(program, ['box1:guest', 'exec', 'sh', '-c', 'sleep 3456; :'], {
      env: home.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let told = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text))
    const ended = once(child, 'close')
    const runs = async (): Promise<boolean> => (await said('box1:guest', 'exec', 'ps')).includes('sleep 3456')
    await until('it goes on', 30_000, runs)
    box1.cut()
    assert.deepEqual(await ended, [255, null])
    assert.match(told, /^nbsvm: the connection to box1 is lost: /)
    await until('it is ended', 30_000, async () => !(await runs()))
    const { status, stderr } = await nbsvm(['nowhere.invalid:guest', 'exec', 'true'])
    assert.equal(status, 255, stderr)
  })

  it('forward opens a port here that ends with the one there', async () => {
    const port = await freePort()
    const page = async (): Promise<string | undefined> =>
      fetch(`http://127.0.0.2:${port}/`, { signal: AbortSignal.timeout(10_000) }).then(
        (answer) => answer.text(),
        () => undefined,
      )
    // Of the other address, as the other machine is this one.
    const pair = `127.0.0.2:${port}:80`
    for (let times = 0; times < 2; times++) assert.equal(await said('box1:guest', 'forward', pair), '')
    await until('the guest answers', 60_000, async () => (await page()) === 'nbsvm test guest\n')
    assert.match((await nbsvm(['box1:guest'])).stdout, new RegExp(`port +127\\.0\\.0\\.1:${port} -> 80/tcp`))
    await said('box1:guest', 'forward', '--remove', `127.0.0.2:${port}`)
    assert.equal(await page(), undefined)
    const listener = net.createServer().listen(port, '127.0.0.2')
    await once(listener, 'listening')
    assert.match(
      (await refused('box1:guest', 'forward', pair)).stderr,
      new RegExp(`cannot listen on 127\\.0\\.0\\.2:${port} of this machine`),
    )
    await until('nothing is open there', 5000, async () => !(await nbsvm(['box1:guest'])).stdout.includes(`:${port} ->`))
    listener.close()
    assert.match((await refused('box1:guest', 'forward', '53:53/udp')).stderr, /udp does not go through the connection to box1/)
    await said('box1:guest', 'forward', pair)
    await said('box1:guest', 'stop')
    await until('it is closed here too', 5000, () => isFreeAt(port))
  })

  it('an sshd that lets nothing through is told, and nothing stays open', async () => {
    const { config, folder } = of('strict')
    fs.appendFileSync(config, 'AllowTcpForwarding no\nAllowStreamLocalForwarding no\n')
    // What a profile says is not what nbsvm says.
    fs.writeFileSync(path.join(folder, '.bashrc'), 'echo welcome; echo careful >&2\n')
    await said('strict:shut', 'network=-nic user', 'drive_size=1M', 'newimg', 'start', '-S')
    const port = await freePort()
    for (const [words, message] of [
      [['forward', `127.0.0.2:${port}:80`], /^nbsvm: no port comes through the connection to strict\n.*AllowTcpForwarding yes/],
      [['forward', '--hold', `127.0.0.2:${port}:80`], /^nbsvm: no port comes through the connection to strict\n/],
      [['vnc'], /^nbsvm: nothing comes through the connection to strict\n.*AllowStreamLocalForwarding yes/],
    ] as const) {
      const { status, stdout, stderr } = await refused('strict:shut', ...words)
      assert.deepEqual([status, stdout], [1, ''])
      assert.match(stderr, message)
    }
    assert.ok(await isFreeAt(port))
    const shown = (): Promise<string> => said('ls', 'strict:')
    await until('no port is open', 10_000, async () => /^strict:shut +paused +\S+ +\S+ +- /m.test(await shown()))
    write('key-data', '#cloud-config\n')
    assert.match(await said('strict:shut', `user_data=${here}/key-data`, 'explain'), /welcome\n[^]*#cloud-config/)
    await said('strict:shut', 'stop')
  })

  it('ssh-config and inventory name the VMs there, through that machine', async () => {
    await said('box1:seeded', 'user=me', 'newimg', 'start', '-S')
    const config = await said('ssh-config', 'box1:seeded')
    assert.match(config, /^Host nbsvm-seeded\.box1\n {2}HostName 127\.0\.0\.1\n {2}Port \d+\n {2}User me\n {2}ProxyJump box1\n/)
    assert.match(config, /^ {2}KnownHostsCommand \/bin\/echo nbsvm-seeded\.box1 ssh-ed25519 \S+$/m)
    assert.ok((await said('ssh-config', ':', 'box1:')).includes(config))
    assert.match(await said('inventory', 'box1:'), /^seeded\.box1 ansible_host=127\.0\.0\.1 .*ProxyJump=box1/m)
    assert.match((await refused('ssh-config', 'box1:nosuch')).stderr, /box1: nbsvm: there is no VM nosuch/)
    await said('box1:seeded', 'stop')
  })

  it('nothing of it stays there', async () => {
    for (const name of ['box1', 'box2', 'strict'])
      await until(`nothing is left on ${name}`, 10_000, () => fs.readdirSync(of(name).temporary).length === 0)
  })
})
