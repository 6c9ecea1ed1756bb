// What a guest is told, as files and on the line, and the way to its ssh where there is none: with guests that never answer, or with
// an sshd of the test's own behind the port.
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { after, test } from 'node:test'
import { makeKey } from '../src/guest/key.js'
import type { Explanation } from '../src/vm/life/explain.js'
import type { Status } from '../src/vm/life/status.js'
import { findPlace } from '../src/host/place.js'
import { recentAnswer, sshAnswers } from '../src/vm/reach/banner.js'
import { scpWords } from '../src/vm/reach/ssh.js'
import { openVm, type Vm } from '../src/vm/record/vm.js'
import { guestDisk, makeHome, until } from './cli.js'
import { freePort } from './guest.js'
import { done } from './support/debian.js'

const home = makeHome()
const { nbsvm } = home
const own = makeKey('me@here')
mkdirSync(`${home.folder}/.ssh`)
writeFileSync(`${home.folder}/.ssh/id_ed25519.pub`, own.public)
writeFileSync(`${home.folder}/.ssh/id_broken.pub`, 'nothing\n')

const seeded = ['user=alice', 'mem=64']
const record = (id: string) =>
  JSON.parse(readFileSync(`${home.folder}/vms/${id}/machine.json`, 'utf8')) as {
    sshPort: number
    seed: { instanceId: string; user: string }
  }

async function explained(words: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const { seed } = JSON.parse(await done(nbsvm([...words, 'explain', '--json']))) as Explanation
  return Object.fromEntries(seed.map(({ name, text }) => [name, text]))
}

test('explain shows what the guest is told, and no secret; what is set says more', async () => {
  const key = makeKey('other')
  const file = `${home.folder}/other`
  writeFileSync(file, key.secret)
  writeFileSync(`${file}.pub`, `# mine\n${key.public}`)
  writeFileSync(`${home.folder}/script`, '#!/bin/sh\nexit 0\n')
  writeFileSync(`${home.folder}/password`, '$6$salt$already/hashed\n', { mode: 0o600 })
  await done(nbsvm(['told', ...seeded, 'start', '-S', '--', 'stop']))
  const plain = await explained(['told', ...seeded])
  assert.match(plain['meta-data'] ?? '', new RegExp(`instance-id: "${record('told').seed.instanceId}"\nlocal-hostname: "told"`))
  assert.match(plain['user-data'] ?? '', /^user:\n {2}name: "alice"$/m)
  const keys = [...(plain['user-data'] ?? '').matchAll(/^ {2}- "(ssh-ed25519 .*)"$/gm)].map(([, key]) => key)
  assert.deepEqual([keys[0], keys[1]?.split(' ').slice(2)], [own.public.trim(), ['nbsvm', 'told']])
  assert.match(plain['user-data'] ?? '', /ed25519_private: "\(not shown\)"/)
  assert.match(plain['network-config'] ?? '', /macaddress: "52:54:/)
  const more = [
    'packages=git make',
    `user_data=~/script`,
    `password=${home.folder}/password`,
    `ssh_key=${file} ${key.public.trim()}`,
  ]
  const all = await explained(['told', ...seeded, ...more])
  assert.match(all['user-data'] ?? '', /^packages:\n {2}- "git"\n {2}- "make"$/m)
  assert.match(all['user-data'] ?? '', /hashed_passwd: "\(not shown\)"/)
  assert.equal((all['user-data'] ?? '').split(key.public.trim()).length, 2, 'the same key once')
  assert.doesNotMatch(all['user-data'] ?? '', /me@here/)
  assert.equal(all['user-data of ~/script'], '#!/bin/sh\nexit 0\n')
  const page = await done(nbsvm(['told', ...seeded, ...more, 'explain']))
  assert.doesNotMatch(page, /already|PRIVATE KEY/)
  assert.match(page, /^# user-data:\n# {3}#cloud-config$/m)
  assert.deepEqual(
    await explained(['told', 'ssh_key=none', ...seeded]).then((texts) => texts['user-data']?.match(/ssh-ed25519/g)?.length),
    2,
    "nbsvm's own, and the host's",
  )
})

test('keys of the caller that cannot be read are named, and keep nobody from a start', async () => {
  const other = `${home.folder}/other-home`
  mkdirSync(`${other}/.ssh/id_folder.pub`, { recursive: true })
  const started = await nbsvm(['told', ...seeded, 'start', '-S', '--', 'stop'], { env: { HOME: other } })
  assert.match(
    started.stderr,
    /^cannot read \S+\/\.ssh\/id_folder\.pub \(it is not a regular file\), so no key of yours in it may log in/m,
  )
  rmSync(`${other}/.ssh`, { recursive: true })
  symlinkSync('.ssh', `${other}/.ssh`)
  const looped = await nbsvm(['told', ...seeded, 'start', '-S', '--', 'stop'], { env: { HOME: other } })
  assert.equal(looped.status, 0, looped.stderr)
  assert.equal(looped.stderr.split('cannot read').length, 2, 'said once')
  assert.match(looped.stderr, /^cannot read \S+\/\.ssh \(ELOOP: too many symbolic links encountered\), so/m)
})

test('a VM whose guest nobody asked to tell anything has no seed, no keys and no port', async () => {
  assert.deepEqual(await explained(['bare', 'mem=64']), {})
  await done(nbsvm(['bare', 'mem=64', 'start', '-S']))
  assert.equal(existsSync(`${home.folder}/state/bare/seed.iso`), false)
  assert.deepEqual((JSON.parse((await nbsvm(['bare', 'status', '--json'])).stdout) as Status).forwards, [])
  const unreachable = await nbsvm(['bare', 'ssh'])
  assert.equal(unreachable.status, 255, 'as a command in the guest might have ended with 1')
  assert.match(unreachable.stderr, /no port of this machine leads to the ssh of bare.*\n.*nbsvm bare stop forward=2222:22 start/)
  await done(nbsvm(['bare', 'stop']))
})

test('wrong keys, files and names are refused before anything is started', async () => {
  writeFileSync(`${home.folder}/nonsense`, 'hello\n')
  const refusals: [string, RegExp][] = [
    ['user=Root', /user=Root: "Root" is not the name of a user/],
    ['ssh_key=id_ed25519.pub', /ssh_key: id_ed25519.pub is neither a public key nor an absolute path/],
    ['ssh_key=/nowhere', /ssh_key: there is no file \/nowhere\n.*ssh-keygen -t ed25519/],
    [`ssh_key=${home.folder}/nonsense`, /nonsense holds something else than public keys\n.*ssh-ed25519 AAAA/],
    ['user_data=cloud.yaml', /user_data=cloud.yaml: expected an absolute path/],
    ['user_data=~/nothing', /user_data: there is no file .*\/nothing/],
    ['user_data=~/nonsense', /nonsense begins with nothing that cloud-init understands\n.*#cloud-config/],
    ['user_data=/dev/zero', /user_data: cannot read \/dev\/zero: it is not a regular file/],
    ['password=~/nothing', /password: there is no file/],
    [`password=${home.folder}/nonsense`, /password: others may read .*\n.*chmod 600/],
  ]
  for (const [word, message] of refusals) {
    const { status, stderr } = await nbsvm(['wrong', 'mem=64', word, 'start', '-S'])
    assert.notEqual(status, 0, word)
    assert.match(stderr, message)
    assert.equal((await nbsvm(['wrong', 'status'])).stdout.includes('running'), false)
  }
})

test("the port stays a VM's own, and is another where somebody has taken it", async () => {
  const portOf = async (): Promise<number | undefined> =>
    (JSON.parse(await done(nbsvm(['port', 'status', '--json']))) as Status).forwards[0]?.hostPort
  await done(nbsvm(['port', ...seeded, 'start', '-S']))
  const first = await portOf()
  assert.equal(first, record('port').sshPort)
  await done(nbsvm(['port', ...seeded, 'stop', 'start', '-S']))
  assert.equal(await portOf(), first)
  assert.match(await done(nbsvm(['ls'])), new RegExp(`^port .*${first}`, 'm'))
  await done(nbsvm(['port', 'stop']))
  const server = await occupy(first ?? 0)
  try {
    await done(nbsvm(['port', ...seeded, 'start', '-S']))
    assert.notEqual(await portOf(), first)
    assert.equal(await portOf(), record('port').sshPort)
  } finally {
    server.close()
    await nbsvm(['port', 'stop'])
  }
  const port = await freePort()
  await done(nbsvm(['port', ...seeded, `forward=${port}:22`, 'start', '-S']))
  assert.equal(await portOf(), port)
  await done(nbsvm(['port', 'stop']))
})

function occupy(port: number): Promise<Server> {
  const server = createServer()
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)))
}

test('who waits for a guest without an sshd is told what it does, and how long he has waited', async () => {
  await done(nbsvm(['mute', 'user=alice', `source=${guestDisk}`, 'clone', 'start']))
  assert.equal((await nbsvm(['mute', 'timeout=90', 'wait', 'guest# '])).status, 0)
  const { host } = await import('../src/index.js')
  const here = host({ environment: home.env })
  const vm = (id: string) => here.vm(id)
  const waits: number[] = []
  await assert.rejects(
    vm('mute').ssh([], { timeoutMs: 1500, onWait: (ms) => void waits.push(ms) }),
    (error: Error & { hints: string[] }) => {
      assert.match(error.message, /^mute does not answer by ssh after 2 s$/)
      assert.match(error.hints.join('\n'), /^its console said last:\n[^]*guest ready[^]*be there: nbsvm mute console/)
      assert.ok(error.hints.every((hint) => !/\p{Cc}/u.test(hint)))
      return true
    },
  )
  assert.ok(waits.length > 0)
  const bounded = await nbsvm(['mute', 'timeout=1', 'ssh', 'true'])
  assert.equal(bounded.status, 255)
  assert.match(bounded.stderr, /mute does not answer by ssh after 1 s\n[^]*wait longer: nbsvm mute timeout=300 ssh\n/)
  const interrupted = spawn(process.execPath, ['dist/nbsvm.cjs', 'mute', 'ssh'], {
    env: home.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const gone = ended(interrupted)
  setTimeout(() => interrupted.kill('SIGINT'), 1500)
  assert.match((await gone).stderr, /mute does not answer by ssh and you stopped waiting\n {2}its console said last:/)

  await home.nbsvm(['mute', 'console'], { input: '(while :; do echo SSH-2.0-none | nc -l -p 22; done) & echo serving\n' })
  await until('a banner', 30_000, async () => sshAnswers(await mute()))
  assert.equal((await scpWords(await mute())).guest, 'alice@127.0.0.1:')
  assert.deepEqual(
    recentAnswer(await mute()),
    { host: '127.0.0.1', port: record('mute').sshPort },
    'it is not asked again at once',
  )
  const failed = await nbsvm(['mute', 'ssh', 'true'])
  assert.equal(failed.status, 255, failed.stderr)
  await nbsvm(['mute', 'reset'])
  assert.equal(recentAnswer(await mute()), undefined)
  const ending = vm('mute').ssh()
  setTimeout(() => void nbsvm(['mute', 'stop']), 500)
  await assert.rejects(ending, /mute has ended before it answered by ssh/)
  await assert.rejects(vm('mute').ssh(), /cannot reach mute: it is not running/)
})

/** The VM as the verbs see it. */
function mute(): Promise<Vm> {
  const place = findPlace({ NBSVM_HOME: home.folder }, false, home.folder)
  return openVm('mute', { place, environment: {}, vmClass: undefined, line: {} })
}

function ended(child: ChildProcess): Promise<{ status: number | null; stderr: string }> {
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stderr })))
}

test('ssh-config and inventory tell others how to get there', async () => {
  const folder = `${home.folder}/vms/told`
  const { sshPort } = record('told')
  assert.equal(
    await done(nbsvm(['ssh-config', 'told'])),
    `Host nbsvm-told
  HostName 127.0.0.1
  Port ${sshPort}
  User alice
  HostKeyAlias nbsvm-told
  UserKnownHostsFile ${folder}/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  IdentityFile ${folder}/ssh_key
  IdentitiesOnly yes
`,
  )
  writeFileSync(`${home.folder}/config`, await done(nbsvm(['ssh-config'])))
  const parsed = spawnSync('ssh', ['-G', '-F', `${home.folder}/config`, 'nbsvm-told'], { encoding: 'utf8' })
  assert.match(parsed.stdout, new RegExp(`^port ${sshPort}$`, 'm'))
  assert.match(
    await done(nbsvm(['inventory'])),
    /^\[nbsvm\]\n[^]*^told ansible_host=127\.0\.0\.1 ansible_port=\d+ ansible_user=alice /m,
  )
  const inventory = JSON.parse(await done(nbsvm(['inventory', '--json', 'told']))) as {
    nbsvm: { hosts: string[] }
    ['_meta']: { hostvars: Record<string, Record<string, unknown>> }
  }
  assert.deepEqual(inventory.nbsvm.hosts, ['told'])
  assert.equal(inventory['_meta'].hostvars['told']?.['ansible_ssh_private_key_file'], `${folder}/ssh_key`)
  assert.match((await nbsvm(['ssh-config', 'tolt'])).stderr, /there is no VM tolt; did you mean told\?/)
  assert.match((await nbsvm(['ssh-config', 'bare'])).stderr, /bare: ssh cannot reach it; why: nbsvm bare ssh/)
  assert.equal(statSync(`${folder}/ssh_key`).mode & 0o777, 0o600)
})

after(() => delete process.env['NBSVM_HOME'])
