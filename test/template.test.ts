// What is seen of templates and forks, and what keeps them: no guest is needed for that, only its BIOS.
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { before, describe, test } from 'node:test'
import { makeHome } from './cli.js'

const { nbsvm, folder } = makeHome()
const small = ['mem=64', 'network=none', 'usb=none', 'identity=no']

async function ok(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await nbsvm(args)
  assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
  return stdout + stderr
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const found = JSON.parse((await nbsvm([...args, '--json'])).stdout) as unknown
  return (Array.isArray(found) ? found.find(({ id }) => id === 'base') : found) as Record<string, unknown>
}

async function refused(args: string[], words: RegExp): Promise<void> {
  const { status, stderr } = await nbsvm(args)
  assert.deepEqual([status, words.test(stderr)], [1, true], stderr)
}

const templates = (): string[] => readdirSync(path.join(folder, 'vms/base')).filter((name) => name.startsWith('template-'))

describe('a template', { concurrency: false }, () => {
  before(async () => {
    await ok('base', ...small, 'drive_size=1M', 'newimg', 'start')
  })

  test('a VM that was never frozen is none, and has none to remove', async () => {
    assert.doesNotMatch(await ok('ls'), /TEMPLATE/)
    assert.equal((await json('base', 'status'))['template'], null)
    assert.match(await ok('base', 'freeze', '--rm'), /base is no template/)
    await refused(['t1', 'gold=base', 'fork'], /base was never frozen/)
  })

  test('ls and status show it with what it takes, and its forks', async () => {
    await ok('base', 'freeze')
    assert.match(await ok('ls'), /SINCE .* TEMPLATE\nbase .* \d+(\.\d)?[KM]\n/)
    assert.match(await ok('base'), /template +frozen \d+s ago, \d+(\.\d)?[KM] of RAM on disk, no forks run\n/)
    await ok('t1,t2', 'gold=base', ...small, 'fork')
    assert.match(await ok('ls'), /base .*, 2 forks\nt1 .* fork of base\nt2 .* fork of base\n/)
    assert.match(await ok('base'), /template .*, forks: t1, t2\n/)
    assert.match(await ok('t1'), /fork +forked from base\n/)
    const { template, forkedFrom } = await json('base', 'status')
    const { atMs, ramBytes, forks } = template as { atMs: number; ramBytes: number; forks: string[] }
    assert.ok(Date.now() - atMs < 60_000 && ramBytes > 0 && ramBytes <= 64 * 1024 ** 2)
    assert.deepEqual([forks, forkedFrom], [['t1', 't2'], null])
    assert.deepEqual((await json('ls'))['template'], template)
    assert.equal((await json('t1', 'status'))['forkedFrom'], 'base')
    assert.match(await ok('ls', '-c', 'template'), /^TEMPLATE\n\d.*, 2 forks\nfork of base\nfork of base\n$/)
  })

  test('it stays while forks run from it; who they are is told', async () => {
    await refused(['base', 'freeze', '--rm'], /cannot remove the template base: forks of it run: t1, t2\n.*nbsvm t1,t2 stop/)
    await ok('t1', 'pause')
    await ok('t2', 'stop')
    await refused(['base', 'freeze', '--rm'], /forks of it run: t1\n/)
    await ok('base', 'stop')
    await refused(['base', 'rm', '--yes'], /cannot remove base: forks of it run: t1\n/)
    assert.equal(templates().length, 1)
    assert.ok(existsSync(path.join(folder, 'drives/nbsvm-base-0.qcow2')))
  })

  test('it may be frozen again: forks go on from what they have, and are none of the new one', async () => {
    await ok('base', ...small, 'start', 'freeze')
    assert.equal(templates().length, 1)
    assert.match(await ok('base'), /template .*, no forks run\n/)
    assert.match(await ok('t1'), /fork +forked from base\n/)
    assert.match(await ok('t1', 'resume', 'status'), /state +running/)
  })

  test('RAM that a fork has from its template is not lessened', async () => {
    await refused(['t1', 'balloon', '32M'], /t1 has its RAM from the file of the template base: .*\n.*nbsvm t1 shutdown start/)
  })

  test('of a VM that is paused: again and again, and it stays so; its drive can be changed meanwhile', async () => {
    await ok('base', 'pause', 'freeze', 'freeze', 'checkpoint', 'a')
    assert.equal((await json('base', 'status'))['detail'], 'paused')
    // A QEMU that has sent its state and was left at that ended by this.
    await ok('base', 'resize', '2M', '--', 'save', 'start')
    assert.match(await ok('base', 'resize', '3M', '--', 'rollback', 'a', '--yes', 'status'), /state +paused/)
    await ok('base', 'resize', '4M', '--', 'checkpoints', '--rm=a', 'resume')
    assert.match(await ok('base'), /state +running/)
  })

  test('a fork that was started anew is none', async () => {
    await ok('t1', 'stop')
    await ok('t1', ...small, 'start', '-S')
    assert.equal((await json('t1', 'status'))['forkedFrom'], null)
    await ok('t1,t2', 'stop', 'rm', '--yes')
  })

  test('it goes without its VM, and with it', async () => {
    assert.match(await ok('base', 'freeze', '--rm'), /removed the template base/)
    assert.deepEqual([templates(), (await json('base', 'status'))['state']], [[], 'running'])
    assert.doesNotMatch(await ok('ls'), /TEMPLATE/)
    await ok('base', 'freeze', 'stop', 'rm', '--yes')
    assert.deepEqual(readdirSync(path.join(folder, 'vms/.templates')), [])
    assert.deepEqual(JSON.parse(await ok('ls', '--json')), [])
    const left = readdirSync(path.join(folder, 'drives')).filter((name) => name.includes('base-'))
    assert.deepEqual(left, [])
  })
})
