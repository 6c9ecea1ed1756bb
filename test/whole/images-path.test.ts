// A first drive from an image file of this machine: kept by its digest, stood on by drives, removed only when nobody does.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { guestDisk, makeHome } from '../cli.js'
import { check } from '../support/drives.js'
import { drivesOf } from '../../src/store/dir/look.js'
import { tryLock } from '../../src/sys/lock.js'

const home = makeHome()
const { nbsvm } = home
const images = path.join(home.folder, 'images')
const drives = path.join(home.folder, 'drives')
const source = path.join(home.folder, 'source.qcow2')

/** An image of 4 MB with a pattern in it. */
function makeImage(file: string, value = 7, options: readonly string[] = []): void {
  fs.rmSync(file, { force: true })
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...options, file, '4M'])
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -P ${value} 0 64k`, file], { stdio: 'ignore' })
}

const kept = (): string[] =>
  fs.existsSync(images) ? fs.readdirSync(images).filter((name) => /^sha\d+-[0-9a-f]+$/.test(name)) : []
const bases = (): string[] => fs.readdirSync(drives).filter((name) => name.startsWith('.base-'))

async function done(...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await nbsvm(words)
  assert.equal(status, 0, stderr)
  return stdout + stderr
}

async function refused(...words: readonly string[]): Promise<string> {
  const { status, stderr } = await nbsvm(words)
  assert.notEqual(status, 0)
  return stderr
}

test('the first drive holds the image and is drive_size large; the second is empty', async () => {
  makeImage(source)
  assert.match(
    await done('web', `image=${source}`, 'drive_size=64M', 'newimg', 'newimg'),
    /web-0, from .*source.qcow2\n.*web-1, empty/,
  )
  const [first, second] = drivesOf(drives, 'web')
  assert.ok(first !== undefined && second !== undefined)
  check(first.image)
  const info = JSON.parse(execFileSync('qemu-img', ['info', '--output=json', first.image.path], { encoding: 'utf8' })) as object
  assert.equal('virtual-size' in info && info['virtual-size'], 64 * 2 ** 20)
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'read -P 7 0 64k', '-c', 'read -P 0 4M 1M', first.image.path], {
    stdio: 'ignore',
  })
  assert.equal(second.image.backing, undefined)
  // Kept under what it is, for nobody to change, and not a second time on the disk.
  const [name = ''] = kept()
  const bytes = fs.readFileSync(path.join(images, name))
  assert.equal(name, `sha256-${createHash('sha256').update(bytes).digest('hex')}`)
  const stats = fs.statSync(path.join(images, name))
  assert.deepEqual([stats.mode & 0o777, stats.nlink], [0o444, 2])
})

test('the record says what the drive was made from, and so do status and a copy', async () => {
  const status = async (id: string): Promise<{ image: { name: string; level: string } }> =>
    JSON.parse((await nbsvm([id, 'status', '--json'])).stdout) as { image: { name: string; level: string } }
  const { image } = await status('web')
  assert.deepEqual([image.name, image.level], [source, 'none'])
  const all = JSON.parse((await nbsvm(['ls', '--json'])).stdout) as { id: string; image: string | null }[]
  assert.equal(all.find(({ id }) => id === 'web')?.image, source)
  assert.match((await nbsvm(['ls', '-c', 'vm,image'])).stdout, /web +\S+source\.qcow2/)
  assert.match((await nbsvm(['web', 'status'])).stdout, /image +\S+source.qcow2 +sha256:[0-9a-f]{12} +not checked/)
  await done('copy', 'gold=web', 'snapshot')
  assert.deepEqual((await status('copy')).image, image)
  await done('plain', 'drive_size=1M', 'newimg')
  assert.equal((await status('plain')).image, null)
})

test('the same file is kept once; a changed one again, and its old drives keep what they had', async () => {
  await done('again', `image=${source}`, 'newimg')
  assert.equal(kept().length, 1)
  makeImage(source, 9)
  await done('other', `image=${source}`, 'newimg')
  assert.equal(kept().length, 2)
  const pattern = (id: string, value: number): void => {
    const file = drivesOf(drives, id)[0]?.image.path ?? ''
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', `read -P ${value} 0 64k`, file], { stdio: 'ignore' })
  }
  pattern('other', 9)
  pattern('web', 7)
})

test('prune removes what a build that was killed has left, and not what one that lives is at', async () => {
  const left = (job: string): string[] => fs.readdirSync(images).filter((name) => name.startsWith(`.tmp-${job}`))
  for (const job of ['dead', 'a11e']) {
    fs.mkdirSync(path.join(images, `.tmp-${job}-0.XYZ/root`), { recursive: true })
    fs.writeFileSync(path.join(images, `.tmp-${job}-0.XYZ/root/disk.raw`), Buffer.alloc(100_000, 1))
    fs.writeFileSync(path.join(images, `.tmp-${job}.lock`), '')
  }
  const held = tryLock(path.join(images, '.tmp-a11e.lock'))
  assert.match(await done('images', 'prune'), /removed \d+K of what broke off/)
  assert.deepEqual([left('dead').length, left('a11e').length], [0, 2])
  held?.release()
  await done('images', 'prune')
  assert.deepEqual(left('a11e'), [])
})

test('an image goes when nobody stands on it, and not before', async () => {
  assert.match(await refused('images', 'rm', source), /in use by again, copy, other, web\n.*\n.*nbsvm again,copy,other,web rm/)
  assert.match(await done('images', 'prune'), /nothing to remove/)
  await done('other', 'rm', '--yes')
  assert.match(await done('images', 'prune'), /removed .*source.qcow2 .*became free/)
  assert.equal(kept().length, 1)
  await done('again,copy,web', 'rm', '--yes')
  assert.deepEqual(bases(), [])
  await done('images', 'rm', source)
  assert.deepEqual(fs.readdirSync(images), ['.lock'])
  assert.match(await refused('images', 'rm', source), /there is no image/)
})

test('an image that was cut off, or changed, after it was kept is never used', async () => {
  makeImage(source)
  await done('one', `image=${source}`, 'newimg')
  await done('one', 'rm', '--yes')
  const file = path.join(images, kept()[0] ?? '')
  const whole = fs.readFileSync(file)
  fs.chmodSync(file, 0o644)
  fs.truncateSync(file, 70_000)
  await done('two', `image=${source}`, 'newimg')
  assert.deepEqual(fs.readFileSync(path.join(images, kept()[0] ?? '')), whole)
  await done('two', 'rm', '--yes')
  fs.chmodSync(file, 0o644)
  fs.writeFileSync(file, Buffer.from(whole).fill(1, 40_000, 40_001))
  await done('three', `image=${source}`, 'newimg')
  assert.deepEqual(fs.readFileSync(path.join(images, kept()[0] ?? '')), whole)
})

test('what is no image, leads to another file, or is too large for the drive is refused, and nothing is left', async () => {
  const before = [fs.readdirSync(images), fs.readdirSync(path.join(home.folder, 'vms'))]
  const bad = path.join(home.folder, 'bad.qcow2')
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', source, '-F', 'qcow2', bad])
  assert.match(await refused('bad', `image=${bad}`, 'newimg'), /bad.qcow2 is not an image .*refers to other files/)
  fs.writeFileSync(bad, '<html>404</html>\n')
  assert.match(await refused('bad', `image=${bad}`, 'newimg'), /HTML page/)
  fs.writeFileSync(bad, fs.readFileSync(source).subarray(0, 100_000))
  assert.match(await refused('bad', `image=${bad}`, 'newimg'), /damaged|cut|ends/)
  assert.match(await refused('bad', `image=${home.folder}/none`, 'newimg'), /there is no image .*\/none/)
  assert.match(await refused('bad', `image=${home.folder}`, 'newimg'), /not a file/)
  assert.match(await refused('bad', `image=${source}`, 'drive_size=1M', 'newimg'), /needs a drive of 4M, and drive_size is 1M/)
  assert.match(await refused('bad', 'image=./source.qcow2', 'newimg'), /is not an image: .*absolute path/)
  assert.deepEqual([fs.readdirSync(images), fs.readdirSync(path.join(home.folder, 'vms'))], before)
})

test('images of other formats are kept as qcow2', async () => {
  const vdi = path.join(home.folder, 'x.vdi')
  execFileSync('qemu-img', ['convert', '-O', 'vdi', source, vdi])
  await done('vdi', `image=${vdi}`, 'newimg')
  const backing = drivesOf(drives, 'vdi')[0]?.image.backing
  assert.equal(backing?.format, 'qcow2')
  execFileSync('qemu-img', ['compare', '-q', '-f', 'qcow2', '-F', 'qcow2', backing?.path ?? '', source])
})

test('a VM boots from it: as root under a user of its own, which may open none of these files', async () => {
  await done('boots', `image=${guestDisk}`, 'drive_size=128M', 'newimg', 'start', 'wait', 'guest#')
  await done('boots', 'stop')
  const [drive] = drivesOf(drives, 'boots')
  assert.ok(drive?.image.backing !== undefined)
  assert.equal(fs.statSync(drive.image.backing.path).mode & 0o222, 0)
})
