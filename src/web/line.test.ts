import assert from 'node:assert/strict'
import { it } from 'node:test'
import { UsageError } from '../core/errors.js'
import { checkLine, offeredSettings, type ReadLine } from './line.js'

function line(targets: string, settings: Record<string, string>, ...steps: ReadLine['steps']): ReadLine {
  return { kind: 'vm', targets: targets.split(','), settings, steps }
}

function step(name: string, words: readonly string[] = [], flags: Record<string, string | true> = {}): ReadLine['steps'][number] {
  return { name, words, flags }
}

it('lets pass what makes, starts and ends VMs', () => {
  const right: ReadLine[] = [
    line('foo', { image: 'debian', mem: '2G', forward: '8080:80 5353:53/udp' }, step('newimg'), step('start')),
    line('foo', { image: 'debian-13@latest', cpu: 'host,+vmx', packages: 'git vim' }, step('newimg')),
    line('foo', { image: `https://x.example/a.qcow2#sha256:${'0'.repeat(64)}` }, step('newimg')),
    line(
      'foo',
      { class: 'win', network: 'none', ssh_key: 'ssh-ed25519 AAAA+/= me@here' },
      step('start', [], { 'if-needed': true }),
    ),
    line('foo', {}, step('key', ['ctrl-alt-delete']), step('type', ['a\\n'], { screen: true })),
    line('foo', {}, step('rm', [], { yes: true })),
    { kind: 'command', targets: [], settings: {}, steps: [step('images', ['pull', 'debian'])] },
  ]
  for (const one of right) checkLine(one, undefined)
})

it('lets nothing pass that reaches for the machine itself', () => {
  const settings: Record<string, string> = {
    qemu: '/bin/sh',
    args: '-drive file=/etc/shadow',
    drives: '-hda /etc/shadow',
    display: '-display gtk',
    network: '-nic tap,script=/tmp/x',
    usb: '-device usb-host',
    share: '/root:/mnt',
    cdrom: '/etc/shadow',
    source: '/dev/sda',
    user_data: '/root/x',
    password: '/root/x',
    viewer: 'xterm',
    run_as: 'root',
    bridge: 'br0',
    ddargs: 'of=/dev/sda',
    image: '/etc/shadow',
    ssh_key: '/root/.ssh/id_ed25519.pub',
    machine: 'q35,firmware=/etc/shadow',
    cpu: 'max,x=/etc/shadow',
    gold: '../../etc/shadow',
    trust_source: 'yes',
    ceph_conf: '/root/ceph.conf',
  }
  for (const [name, value] of Object.entries(settings)) {
    assert.throws(() => checkLine(line('foo', { [name]: value }, step('start')), undefined), UsageError, name)
  }
  const wrong: ReadLine[] = [
    line('foo', {}, step('start', ['-cdrom', '/etc/shadow'])),
    line('foo', { ssh_key: 'ssh-rsa /etc/passwd' }, step('newimg')),
    line('foo', {}, step('exec', ['id'])),
    line('foo', {}, step('ssh')),
    line('foo', {}, step('cp', [':/etc/shadow', '/tmp'])),
    line('foo', {}, step('run', ['/root/steps'])),
    line('foo', {}, step('screenshot', ['/root/x.png'])),
    line('foo', {}, step('attach', ['/dev/sda'])),
    line('foo', {}, step('enable')),
    line('foo', {}, step('move', ['box2'])),
    line('foo', {}, step('monitor')),
    line('foo', {}, step('web')),
    line('foo', {}, step('rm')),
    line('foo', {}, step('forward', ['1:1'], { hold: true })),
    line('foo,bar', {}, step('stop')),
    line('*', {}, step('stop')),
    line('foo', {}, step('toString')),
    { kind: 'command', targets: [], settings: {}, steps: [step('ls')] },
    { kind: 'command', targets: [], settings: {}, steps: [step('images', ['pull', '/etc/shadow'])] },
    { kind: 'command', targets: [], settings: {}, steps: [step('images', ['prune'])] },
    { kind: 'command', targets: [], settings: {}, steps: [step('web')] },
  ]
  for (const one of wrong) assert.throws(() => checkLine(one, undefined), UsageError, JSON.stringify(one))
})

it('keeps a page about one VM to that one', () => {
  checkLine(line('foo', { mem: '2G' }, step('start')), 'foo')
  const wrong = [
    line('bar', {}, step('start')),
    line('foo', { gold: 'bar' }, step('snapshot')),
    line('foo', {}, step('snapshot')),
    line('foo', {}, step('clone')),
    line('foo', { class: 'win' }, step('start')),
    { kind: 'command', targets: [], settings: {}, steps: [step('images', ['pull', 'debian'])] } as const,
  ]
  for (const one of wrong) assert.throws(() => checkLine(one, 'foo'), UsageError)
})

it('offers only what may be set', () => {
  const offered = offeredSettings()
  const names = new Set(offered.map(({ name }) => name))
  assert.ok(names.has('mem') && names.has('image'))
  for (const name of ['qemu', 'args', 'share', 'cdrom', 'run_as', 'source', 'user_data']) assert.ok(!names.has(name), name)
  assert.deepEqual(offered.find(({ name }) => name === 'firmware')?.choices, ['bios', 'uefi', 'secure'])
})
