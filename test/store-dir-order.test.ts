// The order of what reaches the disk: a power cut between any two of these calls must leave nothing half-made, which no test can
// wait for. So the calls themselves are looked at.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, it } from 'node:test'
import { makePlace, mib, writePattern } from './support/drives.js'

const place = makePlace()
after(() => place.remove())

/** The calls with which some code changes what is in the folder of drives, and for certain; names of a time as what they are. */
function callsOf(code: string): string[] {
  const { folder, outside } = place
  const module = new URL('../src/store/dir/dir.js', import.meta.url).href
  const script = `
    const { dirStore } = await import(${JSON.stringify(module)})
    const store = dirStore({ folder: ${JSON.stringify(folder)} })
    const live = { runs: () => false }
    ${code}`
  const log = path.join(outside, 'log')
  const trace = ['-f', '-y', '-o', log, '-e', 'trace=fsync,link,rename,unlink,chmod']
  const run = spawnSync('strace', [...trace, process.execPath, '--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.equal(run.status, 0, run.stderr)
  const calls = fs.readFileSync(log, 'utf8').split('\n').flatMap(callIn)
  return calls.filter((call) => !/unlink (TMP|LOCK)|\.layers/.test(call))
}

function callIn(line: string): string[] {
  const { folder } = place
  const { call = '', args = '' } =
    /^\d+ +(?<call>[a-z]+)\((?<args>.*?)(?:\) += .*| <unfinished \.\.\.>)$/.exec(line)?.groups ?? {}
  const names = [...args.matchAll(/(?:"|<)(?<name>[^">]*)(?:"|>)/g)].map((match) => match.groups?.['name'] ?? '')
  if (names.length === 0 || !names.every((name) => name === folder || name.startsWith(`${folder}/`))) return []
  const plain = names.map((name) => (name === folder ? 'FOLDER' : plainName(path.basename(name))))
  const mode = call === 'chmod' ? [args.split(', ')[1] ?? ''] : []
  return [[call, ...plain, ...mode].join(' ')]
}

function plainName(name: string): string {
  if (name.endsWith('.lock')) return 'LOCK'
  if (name.startsWith('.base-')) return 'BASE'
  return name.replace(/^\.tmp-[0-9a-f]+-\d+.*/, 'TMP')
}

it('newimg: the bytes, the name, the folder', () => {
  assert.deepEqual(callsOf(`await store.create('gold', ${8 * mib})`), [
    'chmod TMP 0600',
    'fsync TMP',
    'link TMP nbsvm-gold-0.qcow2',
    'fsync FOLDER',
  ])
})

it('snapshot: both overlays, the base, its folder, the drive, its folder, then the copy as in newimg', async () => {
  const { store } = place
  const [gold = await store.create('gold', 8 * mib)] = await store.drives('gold')
  writePattern(gold, 1, '0', '64k')
  assert.deepEqual(callsOf(`await store.snapshot('web', await store.findSource({ gold: 'gold' }), { live })`), [
    'fsync TMP',
    'fsync TMP',
    'link nbsvm-gold-0.qcow2 BASE',
    'fsync FOLDER',
    'rename TMP nbsvm-gold-0.qcow2',
    'fsync FOLDER',
    'chmod BASE 0400',
    'chmod TMP 0600',
    'fsync TMP',
    'link TMP nbsvm-web-0.qcow2',
    'fsync FOLDER',
  ])
})
