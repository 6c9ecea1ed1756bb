// Images from vendors of each kind: a web server on loopback, with keys made here, stands for them. They are named in files
// NAME.image, as a user would name his own.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { makeHome, program, until, type Result } from './cli.js'
import { certificate, imageBytes, makeSigner, makeVendor, sha, type Vendor } from './support/vendor.js'

const home = makeHome()
const { nbsvm } = home
const images = path.join(home.folder, 'images')
const config = path.join(home.folder, 'config')
fs.mkdirSync(config)

const vendor = await makeVendor()
const signer = makeSigner('vendor')
const stranger = makeSigner('stranger')
const expired = makeSigner('expired', { isExpired: true })

/** A new image of the vendor's, served under `/NAME/FILE`. */
function publish(name: string, file = `${name}.qcow2`, from: Vendor = vendor): Buffer {
  const bytes = imageBytes()
  from.files.set(`/${name}/${file}`, { bytes })
  return bytes
}

function serve(file: string, text: string | Buffer, from: Vendor = vendor): void {
  from.files.set(file, { bytes: Buffer.from(text) })
}

/** The file NAME.image. */
function describeImage(name: string, fields: Readonly<Record<string, string>>): void {
  const lines = Object.entries(fields).map(([field, value]) => `${field}=${value.startsWith('(') ? value : `'${value}'`}\n`)
  fs.writeFileSync(path.join(config, `${name}.image`), lines.join(''))
}

const signedBy = (one = signer): Record<string, string> => ({ keyring: one.ring, keys: `(${one.fingerprint})` })

async function pulled(name: string, env: NodeJS.ProcessEnv = {}): Promise<{ bytes: Buffer; stderr: string; file: string }> {
  const { status, stdout, stderr } = await nbsvm(['images', 'pull', name], { env })
  assert.equal(status, 0, stderr)
  return { bytes: fs.readFileSync(stdout.trim()), stderr, file: stdout.trim() }
}

async function refused(name: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const before = whatIsThere()
  const { status, stderr } = await nbsvm(['images', 'pull', name], { env })
  assert.notEqual(status, 0, stderr)
  assert.deepEqual(whatIsThere(), before)
  return stderr
}

/** Everything, but for the lock that stays. */
const whatIsThere = (): string[] => (fs.existsSync(images) ? fs.readdirSync(images).filter((name) => name !== '.lock') : [])

interface Listed {
  readonly name: string
  readonly kept: readonly { readonly level: string; readonly serial: string | null; readonly digest: string }[]
}

async function listed(name: string): Promise<Listed> {
  const all = JSON.parse((await nbsvm(['images', '--json'])).stdout) as Listed[]
  return all.find((one) => one.name === name) ?? assert.fail(name)
}

describe('each kind of vendor', () => {
  test('a list like sha256sum makes it, with a signature beside it', async () => {
    const bytes = publish('ubuntu')
    const list = `${'0'.repeat(64)} *other.img\n${sha('sha256', bytes)} *ubuntu.qcow2\n`
    serve('/ubuntu/SHA256SUMS', list)
    serve('/ubuntu/SHA256SUMS.gpg', signer.detached(list))
    describeImage('u', {
      url: `${vendor.url}/ubuntu/ubuntu.qcow2`,
      list: 'SHA256SUMS',
      list_format: 'gnu',
      signature: 'SHA256SUMS.gpg',
      ...signedBy(),
    })
    const { bytes: got, file, stderr } = await pulled('u')
    assert.deepEqual(got, bytes)
    assert.equal(path.basename(file), `sha256-${sha('sha256', bytes)}`)
    assert.match(stderr, /u: .*, checked by its vendor's signature/)
    assert.equal((await listed('u')).kept[0]?.level, 'signed')
  })

  test('a clear-signed list of the BSD kind, of which only what is signed counts', async () => {
    const bytes = publish('fedora')
    const text = `# fedora.qcow2: 1 bytes\nSHA256 (fedora.qcow2) = ${sha('sha256', bytes)}\n`
    const forged = `SHA256 (fedora.qcow2) = ${'0'.repeat(64)}\n`
    serve('/fedora/CHECKSUM', Buffer.concat([Buffer.from(forged), signer.clear(text), Buffer.from(forged)]))
    describeImage('f', {
      url: `${vendor.url}/fedora/fedora.qcow2`,
      list: 'CHECKSUM',
      list_format: 'bsd',
      signature: 'clear',
      ...signedBy(),
    })
    assert.deepEqual((await pulled('f')).bytes, bytes)
    assert.equal((await listed('f')).kept[0]?.level, 'signed')
  })

  test('a bare digest beside the image, unsigned: over http it proves nothing, over https what the certificate does', async () => {
    const bytes = publish('alpine')
    serve('/alpine/alpine.qcow2.sha512', `${sha('sha512', bytes)}\n`)
    describeImage('a', { url: `${vendor.url}/alpine/alpine.qcow2`, list: '{file}.sha512', list_format: 'bare' })
    assert.deepEqual((await pulled('a')).bytes, bytes)
    assert.equal((await listed('a')).kept[0]?.level, 'none')
    const secure = await makeVendor('https')
    const more = publish('alpine', 'alpine.qcow2', secure)
    serve('/alpine/alpine.qcow2.sha512', sha('sha512', more), secure)
    describeImage('as', { url: `${secure.url}/alpine/alpine.qcow2`, list: '{file}.sha512', list_format: 'bare' })
    assert.match(await refused('as'), /shows a certificate that is not believed.*\n.*NODE_EXTRA_CA_CERTS=/)
    // The first line of the program keeps the variable from Node, and not from this.
    assert.deepEqual((await pulled('as', { NODE_EXTRA_CA_CERTS: certificate })).bytes, more)
    assert.equal((await listed('as')).kept[0]?.level, 'https')
  })

  test("Debian's JSON names the build, which is fetched by its own address", async () => {
    const bytes = publish('cloud/trixie/20260712-1', 'debian-amd64-20260712-1.qcow2')
    const digest = Buffer.from(sha('sha512', bytes), 'hex').toString('base64').replace(/=+$/, '')
    const upload = (ref: string): object => ({
      kind: 'Upload',
      data: { ref },
      metadata: { annotations: { 'cloud.debian.org/digest': `sha512:${digest}` } },
    })
    const items = [
      { kind: 'Build' },
      upload('trixie/20260712-1/debian-amd64-20260712-1.tar.xz'),
      upload('trixie/20260712-1/debian-amd64-20260712-1.qcow2'),
    ]
    serve('/cloud/trixie/latest/debian-amd64.json', JSON.stringify({ items }))
    describeImage('d', {
      url: `${vendor.url}/cloud/trixie/latest/debian-amd64.qcow2`,
      dated: `${vendor.url}/cloud/trixie/{serial}/debian-amd64-{serial}.qcow2`,
      list: '{stem}.json',
      list_format: 'debian-json',
    })
    assert.deepEqual((await pulled('d')).bytes, bytes)
    assert.equal((await listed('d')).kept[0]?.serial, '20260712-1')
    // It is here: no server is asked.
    const before = vendor.asked.length
    assert.equal((await nbsvm(['x', 'image=d@20260712-1', 'newimg'])).status, 0)
    assert.equal(vendor.asked.length, before)
    await nbsvm(['x', 'rm', '--yes'])
    assert.match(
      await refused('d@20250101-1'),
      /d@20250101-1: .* is not there \(404\); what nbsvm knows of it is of 20\d\d-.*\n.*d@latest/,
    )
  })

  test("CoreOS's stream: an image packed by xz, which is signed itself", async () => {
    const bytes = imageBytes()
    const packed = execFileSync('xz', ['-c'], { input: bytes, maxBuffer: 2 ** 28 })
    const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
    const disk = {
      location: `${vendor.url}/fcos/a.qcow2.xz`,
      signature: `${vendor.url}/fcos/a.sig`,
      sha256: sha('sha256', packed),
    }
    serve(
      '/fcos/stable.json',
      JSON.stringify({
        architectures: { [arch]: { artifacts: { qemu: { release: '44.1', formats: { 'qcow2.xz': { disk } } } } } },
      }),
    )
    serve('/fcos/a.qcow2.xz', packed)
    serve('/fcos/a.sig', signer.detached(packed))
    const described = {
      url: `${vendor.url}/fcos/stable.json`,
      list: 'stable.json',
      list_format: 'fcos-json',
      signature: '{file}.sig',
      signature_of: 'image',
    }
    describeImage('c', { ...described, ...signedBy(), seed: 'ignition' })
    const { bytes: got, file } = await pulled('c')
    assert.deepEqual(got, bytes)
    // Both digests are known: of what was sent, and of what is kept.
    assert.equal(path.basename(file), `sha256-${sha('sha256', bytes)}`)
    assert.match(fs.readFileSync(`${file}.json`, 'utf8'), new RegExp(`"served": "sha256:${sha('sha256', packed)}"`))
    const before = vendor.askedFor('/fcos/a.qcow2.xz').length
    await pulled('c')
    assert.equal(vendor.askedFor('/fcos/a.qcow2.xz').length, before)
    // Another image, whose signature is of the first.
    const other = execFileSync('xz', ['-c'], { input: imageBytes(), maxBuffer: 2 ** 28 })
    serve('/fcos/a.qcow2.xz', other)
    serve(
      '/fcos/stable.json',
      vendor.files.get('/fcos/stable.json')?.bytes.toString().replace(sha('sha256', packed), sha('sha256', other)) ?? '',
    )
    assert.match(await refused('c'), /the signature of .*a\.qcow2\.xz is not good: what was signed has been changed/)
  })

  test('a list about one file, which calls it otherwise; images packed by gzip, bzip2 and zstd', async () => {
    for (const [program, suffix] of [
      ['gzip', 'gz'],
      ['bzip2', 'bz2'],
      ['zstd', 'zst'],
    ] as const) {
      const bytes = imageBytes()
      const packed = execFileSync(program, ['-c'], { input: bytes, maxBuffer: 2 ** 28 })
      serve(`/leap/latest.${suffix}`, packed)
      serve(`/leap/latest.${suffix}.sha256`, `${sha('sha256', packed)}  Leap-Build18.7.${suffix}\n`)
      describeImage('l', {
        url: `${vendor.url}/leap/latest.${suffix}`,
        list: '{file}.sha256',
        list_format: 'gnu',
        list_alone: 'yes',
      })
      assert.deepEqual((await pulled('l')).bytes, bytes)
    }
  })
})

describe('what is not right is not kept', () => {
  const bytes = publish('s')
  const list = `${sha('sha256', bytes)}  s.qcow2\n`
  serve('/s/SUMS', list)
  const described = { url: `${vendor.url}/s/s.qcow2`, list: 'SUMS', list_format: 'gnu', signature: 'SUMS.asc' }

  test('a signature by a stranger, by an expired key, of another text, or none', async () => {
    for (const [signature, by, why] of [
      [stranger.detached(list), signer, /not good: it was made by the key \S+, which is not one of ring's/],
      [expired.detached(list), expired, /not good: the key that made it has expired/],
      [signer.detached(`${list}x`), signer, /not good: what was signed has been changed/],
      [Buffer.from('no signature\n'), signer, /not good: there is none/],
      [Buffer.from(''), signer, /not good: there is none/],
    ] as const) {
      serve('/s/SUMS.asc', signature)
      describeImage('s', { ...described, ...signedBy(by) })
      assert.match(await refused('s'), why)
    }
    vendor.files.delete('/s/SUMS.asc')
    assert.match(await refused('s'), /is to be signed, and its signature is not there/)
    // The ring holds the key, but the entry does not let it sign.
    serve('/s/SUMS.asc', signer.detached(list))
    describeImage('s', { ...described, keyring: signer.ring, keys: `(${stranger.fingerprint})` })
    assert.match(await refused('s'), /not one of ring's/)
    describeImage('s', { ...described, ...signedBy() })
    assert.deepEqual((await pulled('s')).bytes, bytes)
  })

  test('a digest that does not fit: the list is asked once more', async () => {
    publish('w')
    serve('/w/SUMS', `${'1'.repeat(64)}  w.qcow2\n`)
    describeImage('w', { url: `${vendor.url}/w/w.qcow2`, list: 'SUMS', list_format: 'gnu' })
    assert.match(await refused('w'), /gives sha256:[0-9a-f]{12}\.\.\., and the vendor's list says sha256:111111111111\.\.\./)
    assert.equal(vendor.askedFor('/w/SUMS').length, 2)
    assert.match(await refused(`${vendor.url}/w/w.qcow2#sha256:${'2'.repeat(64)}`), /what is wanted is sha256:222222222222\.\.\./)
  })

  test('a list and an image that are published apart', async () => {
    const old = publish('p')
    const fresh = imageBytes()
    const sums = (of: Buffer): string => `${sha('sha256', of)}  p.qcow2\n`
    describeImage('p', { url: `${vendor.url}/p/p.qcow2`, list: 'SUMS', list_format: 'gnu' })
    // The image is new already; the list follows while it is fetched.
    serve('/p/SUMS', sums(old))
    vendor.files.set('/p/p.qcow2', { bytes: fresh, onRequest: () => serve('/p/SUMS', sums(fresh)) })
    assert.deepEqual((await pulled('p')).bytes, fresh)
    assert.equal(vendor.askedFor('/p/p.qcow2').length, 1)
    // The list is new already; the image follows.
    const newer = imageBytes()
    serve('/p/SUMS', sums(old))
    vendor.files.set('/p/p.qcow2', { bytes: fresh, onRequest: () => (serve('/p/SUMS', sums(newer)), serve('/p/p.qcow2', newer)) })
    assert.deepEqual((await pulled('p')).bytes, newer)
  })

  test('a list that says two things, or nothing, of the file', async () => {
    describeImage('t', { url: `${vendor.url}/t/t.qcow2`, list: 'SUMS', list_format: 'gnu' })
    publish('t')
    serve('/t/SUMS', `${'1'.repeat(64)}  t.qcow2\n${'2'.repeat(64)}  t.qcow2\n`)
    assert.match(await refused('t'), /cannot use the list .*SUMS: it names 2 digests of t\.qcow2/)
    serve('/t/SUMS', '<html>busy</html>')
    assert.match(await refused('t'), /it does not name t\.qcow2/)
    serve('/t/SUMS', `${'1'.repeat(63)}  t.qcow2\n`)
    assert.match(await refused('t'), /wrong length/)
  })

  test('a redirection from https to http, and http where nothing else decides', async () => {
    const secure = await makeVendor('https')
    const env = { NODE_EXTRA_CA_CERTS: certificate }
    const digest = sha('sha256', bytes)
    secure.files.set('/r', { bytes: Buffer.alloc(0), status: 302, headers: { location: `${vendor.url}/s/s.qcow2` } })
    assert.match(await refused(`${secure.url}/r#sha256:${'3'.repeat(64)}`, env), /redirects from https to http/)
    secure.files.set('/r', { bytes: Buffer.alloc(0), status: 302, headers: { location: '/r' } })
    assert.match(await refused(`${secure.url}/r#sha256:${'3'.repeat(64)}`, env), /redirects more than 10 times/)
    assert.match(await refused('http://example.org/x#unchecked'), /over http anybody on the way.*\n.*use https/)
    secure.files.set('/r', { bytes: Buffer.alloc(0), status: 301, headers: { location: '/real' } })
    serve('/real', bytes, secure)
    assert.deepEqual((await pulled(`${secure.url}/r#sha256:${digest}`, env)).bytes, bytes)
  })

  test('what is not an image, whatever its name', async () => {
    serve('/n/page.qcow2', '<!doctype html><title>Sign in</title>')
    assert.match(
      await refused(`${vendor.url}/n/page.qcow2#unchecked`),
      /page\.qcow2 is not an image that nbsvm can use: it is an HTML page/,
    )
    assert.match(await refused(`${vendor.url}/n/none#unchecked`), /is not there \(404\)/)
    assert.match(await refused('debain'), /there is no image "debain"\n {2}did you mean debian\?/)
    // A name that the server gives is not ours.
    const named = imageBytes()
    vendor.files.set('/n/x', { bytes: named, headers: { 'content-disposition': 'attachment; filename="../../../evil"' } })
    assert.deepEqual((await pulled(`${vendor.url}/n/x#unchecked`)).bytes, named)
    assert.deepEqual(fs.readdirSync(home.folder).toSorted(), ['config', 'images', 'state', 'vms', 'drives'].toSorted())
  })
})

describe('a download', () => {
  const url = (name: string): string => `${vendor.url}/${name}/${name}.qcow2`
  const checked = (name: string, bytes: Buffer): string => `${url(name)}#sha256:${sha('sha256', bytes)}`

  test('that is cut goes on where it ended, of the same file alone', async () => {
    const bytes = publish('cut')
    vendor.files.set('/cut/cut.qcow2', { bytes, cutAfter: 100_000, cuts: 2 })
    const { bytes: got, stderr } = await pulled(checked('cut', bytes))
    assert.deepEqual(got, bytes)
    assert.match(stderr, /trying again/)
    const [first, second, third] = vendor.askedFor('/cut/cut.qcow2')
    assert.equal(first?.range, undefined)
    for (const asked of [second, third]) assert.match(`${asked?.range} ${asked?.ifRange}`, /^bytes=\d{5,}- "[0-9a-f]{16}"$/)
  })

  test('of a file that was exchanged meanwhile begins again', async () => {
    const [old, fresh] = [imageBytes(), imageBytes()]
    vendor.files.set('/swap/swap.qcow2', {
      bytes: old,
      cutAfter: 100_000,
      cuts: 1,
      onRequest: (count) => count === 2 && serve('/swap/swap.qcow2', fresh),
    })
    assert.deepEqual((await pulled(checked('swap', fresh))).bytes, fresh)
    // Without an ETag nothing would tell that it is the same file.
    vendor.files.set('/swap/swap.qcow2', { bytes: old, cutAfter: 100_000, cuts: 1, etag: null })
    assert.deepEqual((await pulled(checked('swap', old))).bytes, old)
    assert.equal(vendor.askedFor('/swap/swap.qcow2').at(-1)?.range, undefined)
    vendor.files.set('/swap/weak.qcow2', { bytes: old, cutAfter: 100_000, cuts: 1, etag: 'W/"1"' })
    await nbsvm(['images', 'rm', checked('swap', old)])
    assert.deepEqual((await pulled(`${vendor.url}/swap/weak.qcow2#unchecked`)).bytes, old)
    assert.equal(vendor.askedFor('/swap/weak.qcow2').at(-1)?.range, undefined)
  })

  test('of which kill -9 left a part goes on with that part', async () => {
    const bytes = publish('killed')
    vendor.files.set('/killed/killed.qcow2', { bytes, rate: 200_000 })
    const child = spawn(program, ['images', 'pull', checked('killed', bytes)], { env: home.env, stdio: 'ignore' })
    const part = (): number =>
      Math.max(
        0,
        ...fs
          .readdirSync(images)
          .filter((name) => /^\.part-[0-9a-f]+$/.test(name))
          .map((name) => fs.statSync(path.join(images, name)).size),
      )
    await until('some of it', 20_000, () => part() > 50_000)
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
    serve('/killed/killed.qcow2', bytes)
    assert.deepEqual((await pulled(checked('killed', bytes))).bytes, bytes)
    const range = vendor.askedFor('/killed/killed.qcow2').at(-1)?.range ?? ''
    assert.ok(Number(/\d+/.exec(range)?.[0]) > 50_000, range)
    assert.deepEqual(
      whatIsThere().filter((name) => name.startsWith('.')),
      [],
    )
  })

  test('shows how far it is, how fast, and how long it will take, on a terminal alone', async () => {
    const bytes = imageBytes(1024 * 1024)
    vendor.files.set('/slow/slow.qcow2', { bytes, rate: 500_000 })
    const line = `exec ${program} images pull '${checked('slow', bytes)}'`
    const seen = execFileSyncLater('script', ['-qec', line, '/dev/null'])
    const text = (await seen).stdout
    assert.match(text, / \d+ % {2}\d+K of 1(\.\d)?M {2}\d+K\/s {2}0:0\d left/)
    serve('/slow/fast.qcow2', imageBytes())
    assert.doesNotMatch((await pulled(`${vendor.url}/slow/fast.qcow2#unchecked`)).stderr, /%/)
  })

  test('that two ask for at once is done by one, and both have it', async () => {
    const bytes = publish('two')
    vendor.files.set('/two/two.qcow2', { bytes, rate: 400_000 })
    const both = await Promise.all([pulled(checked('two', bytes)), pulled(checked('two', bytes)), pulled(checked('two', bytes))])
    for (const { bytes: got } of both) assert.deepEqual(got, bytes)
    assert.equal(vendor.askedFor('/two/two.qcow2').length, 1)
    assert.equal(both.filter(({ stderr }) => /is being downloaded by another nbsvm \(pid \d+\)/.test(stderr)).length, 2)
  })

  test('for which there is no room is not begun', async () => {
    const { bavail, bsize } = fs.statfsSync(home.folder)
    const tooMuch = Math.min(bavail * bsize + 2 ** 30, 2 ** 38)
    vendor.files.set('/full/full.qcow2', { bytes: Buffer.alloc(1000), headers: { 'content-length': String(tooMuch) } })
    assert.match(
      (await nbsvm(['images', 'pull', `${url('full')}#unchecked`])).stderr,
      /there is no room for \S+ more in .*\n.*nbsvm images prune/,
    )
    await nbsvm(['images', 'prune'])
  })

  test('through a proxy, which is told the name and the password that are its own', async () => {
    const proxy = await makeVendor()
    const bytes = publish('far')
    proxy.files.set(`${vendor.url}/far/far.qcow2`, { bytes })
    const env = { http_proxy: proxy.url.replace('//', '//me:secret@') }
    const before = vendor.asked.length
    assert.deepEqual((await pulled(checked('far', bytes), env)).bytes, bytes)
    assert.equal(vendor.asked.length, before)
    const more = publish('near')
    assert.deepEqual((await pulled(checked('near', more), { ...env, no_proxy: '127.0.0.1' })).bytes, more)
    assert.match(await refused(checked('near', Buffer.from('x')), { http_proxy: 'socks5://127.0.0.1:1' }), /is not an HTTP proxy/)
  })

  test('from a mirror brings what the vendor vouches for, or nothing', async () => {
    const mirror = await makeVendor()
    const bytes = publish('m', 'm.qcow2', mirror)
    serve('/m/SUMS', `${sha('sha256', bytes)}  m.qcow2\n`)
    describeImage('m', { url: `${vendor.url}/m/m.qcow2`, list: 'SUMS', list_format: 'gnu', mirror: `${mirror.url}/` })
    assert.deepEqual((await pulled('m')).bytes, bytes)
    assert.equal(vendor.askedFor('/m/m.qcow2').length, 0)
    const other = imageBytes()
    serve('/m/SUMS', `${sha('sha256', other)}  m.qcow2\n`)
    assert.match(await refused('m'), /gives sha256:/)
  })
})

test('a VM gets the memory that its image needs, unless somebody says how much', async () => {
  publish('mem')
  serve('/mem/SUMS', `${sha('sha256', vendor.files.get('/mem/mem.qcow2')?.bytes ?? Buffer.alloc(0))}  mem.qcow2\n`)
  describeImage('mem', {
    url: `${vendor.url}/mem/mem.qcow2`,
    list: 'SUMS',
    list_format: 'gnu',
    min_mem: '1G',
    min_drive: '3G',
    user: 'me',
  })
  const made = await nbsvm(['needs', 'image=mem', 'newimg'])
  assert.equal(made.status, 0, made.stderr)
  const memOf = async (...words: string[]): Promise<number> =>
    (JSON.parse((await nbsvm(['needs', ...words, 'status', '--json'])).stdout) as { memBytes: number }).memBytes
  assert.deepEqual([await memOf(), await memOf('mem=700')], [2 ** 30, 700 * 2 ** 20])
  const { stdout } = await nbsvm(['needs', 'explain'])
  assert.match(stdout, /# mem=1G +needed by its image/)
  assert.match(stdout, /-m (?:1024M|1048584K)/)
  const record = JSON.parse(fs.readFileSync(path.join(home.folder, 'vms/needs/machine.json'), 'utf8')) as {
    image: { traits: object }
  }
  assert.deepEqual(
    { ...record.image.traits, arch: '' },
    {
      os: 'mem',
      arch: '',
      user: 'me',
      seed: 'nocloud',
      hasAgent: false,
      firmware: ['bios', 'uefi'],
      minMemBytes: 2 ** 30,
      minDriveBytes: 3 * 2 ** 30,
    },
  )
})

test('a program has the same: images.list, pull, rm and prune', async () => {
  const bytes = publish('lib')
  const script = `
    const { images } = require(${JSON.stringify(path.resolve('dist/index.cjs'))}).host()
    const url = '${vendor.url}/lib/lib.qcow2'
    const seen = []
    ;(async () => {
      const { level, digest, image, sizeBytes } = await images.pull(url + '#sha256:${sha('sha256', bytes)}', { onProgress: (...at) => seen.push(at) })
      const here = (await images.list()).find(({ name }) => name === url).kept.length
      const refused = await images.pull(url + '#sha256:${'4'.repeat(64)}').catch((error) => error.message)
      const removed = await images.rm(url)
      const pruned = await images.prune()
      console.log(JSON.stringify({ level, digest, kind: image.kind, sizeBytes, here, refused, removed, last: seen.at(-1), pruned }))
    })()`
  const { stdout, stderr, status } = await nbsvm(['-e', script], { program: process.execPath })
  assert.equal(status, 0, stderr)
  const said = JSON.parse(stdout) as Record<string, unknown>
  const size = bytes.length
  assert.deepEqual(
    [said['level'], said['digest'], said['kind'], said['sizeBytes'], said['here'], said['last']],
    ['pinned', `sha256:${sha('sha256', bytes)}`, 'file', size, 1, [size, size]],
  )
  assert.match(String(said['refused']), /what is wanted is/)
  assert.equal((said['removed'] as unknown[]).length, 1)
})

test('kill -9 at any moment leaves nothing half-made under a name, and the next pull does it', { timeout: 120_000 }, async () => {
  const bytes = execFileSync('xz', ['-0', '-c'], { input: imageBytes(2 * 1024 * 1024), maxBuffer: 2 ** 28 })
  vendor.files.set('/k/k.qcow2.xz', { bytes, rate: 8_000_000 })
  const list = `${sha('sha256', bytes)}  k.qcow2.xz\n`
  serve('/k/SUMS', list)
  serve('/k/SUMS.asc', signer.detached(list))
  describeImage('k', {
    url: `${vendor.url}/k/k.qcow2.xz`,
    list: 'SUMS',
    list_format: 'gnu',
    signature: 'SUMS.asc',
    ...signedBy(),
  })
  for (let round = 0; round < 16; round++) {
    const child = spawn(program, ['images', 'pull', 'k'], { env: home.env, stdio: 'ignore', detached: true })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    await new Promise((resolve) => setTimeout(resolve, 150 + round * 60))
    child.kill('SIGKILL')
    await ended
    for (const name of whatIsThere()) {
      const [, algorithm, hex] = /^(sha256|sha512)-([0-9a-f]+)$/.exec(name) ?? []
      if (hex !== undefined) assert.equal(sha(algorithm as 'sha256', fs.readFileSync(path.join(images, name))), hex)
    }
    if ((await listed('k')).kept.length > 0) await nbsvm(['images', 'rm', 'k'])
  }
  await pulled('k')
  assert.deepEqual(
    whatIsThere().filter((name) => name.startsWith('.')),
    [],
  )
})

/** Runs a program to its end. */
function execFileSyncLater(command: string, args: readonly string[]): Promise<Result> {
  const child = spawn(command, args, { env: { ...home.env, TERM: 'xterm' }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  return new Promise((resolve) => child.on('close', (status) => resolve({ status: status ?? -1, stdout, stderr: '' })))
}
