// What `export` prints, shown to who reads it: libvirt's schema and its parser, a shell, a reader of YAML; and the verb on real VMs.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { makeHome } from './cli.js'

const golden = 'test/golden/export'
const texts = (end: string): string[] => fs.readdirSync(golden).filter((name) => name.endsWith(end) && name !== `nonsense${end}`)

/** Where `scripts/libvirt` puts it, or where it is installed. */
const root = ['build/libvirt', '/'].find((folder) => fs.existsSync(path.join(folder, 'usr/share/libvirt/schemas'))) ?? ''
const libraries = ['usr/lib', 'lib'].map((folder) => path.resolve(root, folder, 'x86_64-linux-gnu')).join(':')

describe('libvirt', { skip: root === '' && 'there is no libvirt: scripts/libvirt gets one' }, () => {
  const env = {
    PATH: `${path.resolve(root, 'usr/bin')}:${process.env['PATH']}`,
    LD_LIBRARY_PATH: libraries,
    HOME: '/nonexistent',
  }
  const read = (program: string, ...words: string[]): string => {
    const { status, stdout, stderr } = spawnSync(program, words, { env, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return stdout
  }

  for (const name of texts('.libvirt')) {
    it(`takes ${name}`, () => {
      const file = path.join(golden, name)
      read('xmllint', '--noout', '--relaxng', path.join(root, 'usr/share/libvirt/schemas/domain.rng'), file)
      const home = fs.mkdtempSync(path.join(process.env['TMPDIR'] ?? '/tmp', 'nbsvm-libvirt-'))
      // A driver within the client, which reads all of it and runs nothing.
      const copy = path.join(home, 'domain.xml')
      fs.writeFileSync(copy, fs.readFileSync(file, 'utf8').replace(/<domain type="\w+"/, '<domain type="test"'))
      read('virsh', '-c', 'test:///default', 'define', copy)
      fs.rmSync(home, { recursive: true })
    })
  }

  it('reads each name as it was, also one that nobody has', () => {
    const value = (name: string, where: string): string =>
      read('xmllint', '--xpath', `string(${where})`, path.join(golden, name)).replace(/\n$/, '')
    const odd = `/tmp/it's "a" <b> & --> $(id) \`id\` # ; \\ é`
    assert.equal(value('hostile.libvirt', '//filesystem/source/@dir'), odd)
    assert.equal(value('hostile.libvirt', '//loader'), `${odd}/code.fd`)
    assert.equal(value('nonsense.libvirt', '//os/type/@machine'), `pc-q35-<'"&>`)
    assert.equal(value('nonsense.libvirt', '//cpu/model'), 'a"<&>')
    assert.equal(value('nonsense.libvirt', '//interface/source/@bridge'), 'br"0,a=b <&')
  })
})

it('the scripts of Proxmox VE are shell', () => {
  const files = texts('.proxmox').map((name) => path.join(golden, name))
  // Whoever has no drives needs no storage.
  execFileSync('shellcheck', ['--severity=warning', '--exclude=SC2034', ...files], { stdio: 'pipe' })
})

type Tree = string | null | readonly Tree[] | { readonly [name: string]: Tree }

/** The documents of a file, by a reader that is not nbsvm's writer. */
function documents(file: string): Tree[] {
  const script = 'print JSON::PP->new->encode([@{CPAN::Meta::YAML->read($ARGV[0])}])'
  return JSON.parse(
    execFileSync('perl', ['-MCPAN::Meta::YAML', '-MJSON::PP', '-e', script, file], { encoding: 'utf8' }),
  ) as Tree[]
}

/** The path of each member, without the places in lists: `spec.template`. */
function members(tree: Tree, at = ''): string[] {
  if (tree === null || typeof tree === 'string') return []
  if (Array.isArray(tree)) return (tree as readonly Tree[]).flatMap((item) => members(item, at))
  return Object.entries(tree).flatMap(([name, member]) => [`${at}${name}`].concat(members(member, `${at}${name}.`)))
}

/** https://kubevirt.io/api-reference/main/definitions.html, v1.VirtualMachineSpec and below; of CDI v1beta1.DataVolumeSpec. */
const known: Readonly<Record<string, string>> = {
  '': 'apiVersion kind metadata spec',
  metadata: 'name labels',
  spec: 'runStrategy template architecture domain networks volumes source storage',
  template: 'metadata spec',
  labels: 'kubevirt',
  domain: 'ioThreadsPolicy machine cpu memory firmware clock features devices',
  machine: 'type',
  cpu: 'cores model features',
  memory: 'guest',
  firmware: 'uuid bootloader',
  bootloader: 'bios efi',
  bios: 'useSerial',
  efi: 'secureBoot persistent',
  clock: 'utc timer',
  timer: 'hyperv',
  // Those of a processor have a name and a policy.
  features: 'acpi smm hyperv name policy',
  smm: 'enabled',
  hyperv: 'relaxed vapic vpindex runtime synic synictimer reset frequencies reenlightenment tlbflush ipi evmcs spinlocks',
  spinlocks: 'spinlocks',
  devices: 'disks interfaces autoattachPodInterface rng tpm inputs autoattachMemBalloon autoattachGraphicsDevice',
  disks: 'name disk cdrom serial bootOrder dedicatedIOThread io',
  disk: 'bus readonly',
  cdrom: 'bus readonly',
  interfaces: 'name model macAddress masquerade bridge',
  tpm: 'persistent',
  inputs: 'name type bus',
  networks: 'name pod multus',
  multus: 'networkName',
  volumes: 'name dataVolume',
  dataVolume: 'name',
  source: 'upload',
  storage: 'resources',
  resources: 'requests',
  requests: 'storage',
}

const noReader = spawnSync('perl', ['-MCPAN::Meta::YAML', '-MJSON::PP', '-e', '']).status !== 0
it(
  'the manifests of KubeVirt are YAML, with no field that its API does not have',
  { skip: noReader && 'there is no Perl with its modules' },
  () => {
    for (const name of fs.readdirSync(golden).filter((one) => one.endsWith('.kubevirt'))) {
      const read = documents(path.join(golden, name))
      assert.equal((read.at(-1) as { kind: string }).kind, 'VirtualMachine', name)
      for (const place of read.flatMap((tree) => members(tree))) {
        const [last = '', parent = ''] = place.replace('kubevirt.io/domain', 'kubevirt').split('.').toReversed()
        assert.ok(known[parent]?.split(' ').includes(last), `${name}: ${place}`)
      }
    }
  },
)

describe('export', () => {
  const home = makeHome()
  const { nbsvm } = home

  it('is for one system, and for a VM that is there', async () => {
    for (const words of [['export'], ['export', '--libvirt', '--proxmox'], ['export', '--esxi'], ['export', '--libvirt', 'x']])
      assert.equal((await nbsvm(['web', ...words])).status, 2, words.join(' '))
    assert.match((await nbsvm(['web', 'export', '--libvirt'])).stderr, /there is no VM web/)
  })

  it('names the drives, brings them as they are, and changes nothing', async () => {
    const { folder, env } = home
    assert.equal((await nbsvm(['gold', 'drive_size=8M', 'newimg'])).status, 0)
    const drive = path.join(folder, 'drives/nbsvm-gold-0.qcow2')
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 0 1M', drive])
    assert.equal((await nbsvm(['web', 'gold=gold', 'snapshot'])).status, 0)
    assert.equal((await nbsvm(['web', 'explain'])).status, 0)
    const before = fs.readdirSync(folder, { recursive: true })
    for (const flag of ['--libvirt', '--proxmox', '--kubevirt']) {
      const { status, stdout, stderr } = await nbsvm(['web', 'forward=8080:80', 'args=-device edu', 'export', flag])
      assert.equal(status, 0, stderr)
      assert.match(stderr, /^not as here: args: these options are QEMU's own: -device edu$/m)
      assert.doesNotMatch(stdout, /fdset/)
      const line = /qemu-img convert -p (.*) (\S+nbsvm-web-0\.qcow2|nbsvm-web-0\.qcow2)$/m.exec(stdout)
      execFileSync('sh', ['-c', `qemu-img convert ${line?.[1]} brought.qcow2`], { cwd: folder, env })
      const source = path.join(folder, 'drives/nbsvm-web-0.qcow2')
      execFileSync('qemu-img', ['compare', '-q', source, path.join(folder, 'brought.qcow2')])
      fs.rmSync(path.join(folder, 'brought.qcow2'))
    }
    assert.deepEqual(fs.readdirSync(folder, { recursive: true }), before)
  })

  it('a path that no document can hold is refused, and so is what start refuses', async () => {
    const disc = path.join(home.folder, 'a\u202Eb.iso')
    fs.writeFileSync(disc, Buffer.alloc(4096, 1))
    const turned = await nbsvm(['web', `cdrom=${disc}`, 'export', '--libvirt'])
    assert.deepEqual([turned.status, turned.stdout], [1, ''])
    assert.match(turned.stderr, /cannot export web: .* has a character that cannot be written there/)
    const { status, stderr } = await nbsvm([
      'web',
      'machine=virt',
      'arch=aarch64',
      'firmware=bios',
      'drive_if=ide',
      'export',
      '--proxmox',
    ])
    assert.notEqual(status, 0)
    assert.match(stderr, /the board virt has no IDE|qemu-system-aarch64/)
  })

  it('a VM that runs is said to run', async () => {
    assert.equal((await nbsvm(['web', 'network= ', 'start', '-S'])).status, 0)
    assert.match(
      (await nbsvm(['web', 'export', '--libvirt'])).stdout,
      /It runs now; nbsvm web shutdown before its drives are copied/,
    )
    await nbsvm(['web', 'stop'])
  })
})
