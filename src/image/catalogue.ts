// The images of distributions that have a name. What each vendor serves, signs and calls its user was gathered from the vendors'
// documentation and from tools that use these images. Digests are in pins.ts, by `npm run catalogue`.
//
// A vendor whose lists are not signed, or whose key could not be had from a source that is signed itself, is trusted for its
// certificate: `https`.
import type { Entry } from './entry.js'

const mib = 2 ** 20
const gib = 2 ** 30

/** What most have in common. */
const usual = {
  aliases: [],
  seed: 'nocloud',
  hasAgent: false,
  minMemBytes: gib,
  minDriveBytes: 0,
  firmware: {},
} as const

const debianWords = { x86_64: { arch: 'amd64' }, aarch64: { arch: 'arm64' } }
const plainWords = { x86_64: { arch: 'x86_64' }, aarch64: { arch: 'aarch64' } }

/** `generic` and not `genericcloud`: with a console on the screen, and AHCI in Debian 12. */
function debian(version: string, codename: string, aliases: readonly string[]): Entry {
  const folder = `https://cloud.debian.org/images/cloud/${codename}`
  return {
    ...usual,
    id: `debian-${version}`,
    aliases: [codename, ...aliases],
    title: `Debian ${version} ${codename}`,
    user: 'debian',
    minMemBytes: 512 * mib,
    arches: debianWords,
    url: `${folder}/latest/debian-${version}-generic-{arch}.qcow2`,
    dated: `${folder}/{serial}/debian-${version}-generic-{arch}-{serial}.qcow2`,
    list: { url: '{stem}.json', format: 'debian-json' },
  }
}

function ubuntu(version: string, codename: string, aliases: readonly string[]): Entry {
  const folder = `https://cloud-images.ubuntu.com/releases/${codename}`
  return {
    ...usual,
    id: `ubuntu-${version}`,
    aliases: [codename, ...aliases],
    title: `Ubuntu ${version} LTS ${codename}`,
    user: 'ubuntu',
    arches: debianWords,
    url: `${folder}/release/ubuntu-${version}-server-cloudimg-{arch}.img`,
    dated: `${folder}/release-{serial}/ubuntu-${version}-server-cloudimg-{arch}.img`,
    list: { url: 'SHA256SUMS', format: 'gnu' },
    // UEC Image Automatic Signing Key
    signature: { kind: 'detached', url: 'SHA256SUMS.gpg', ring: 'ubuntu', keys: ['D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81'] },
  }
}

/** Fedora's own, by release. */
const fedoraKeys = {
  43: 'C6E7F081CF80E13146676E88829B606631645531',
  44: '36F612DCF27F7D1A48A835E4DBFCF71C6D9F90A6',
  45: '4F50A6114CD5C6976A7F1179655A4B02F577861E',
} as const

function fedora(version: keyof typeof fedoraKeys, compose: string, aliases: readonly string[]): Entry {
  const build = `${version}-${compose}`
  return {
    ...usual,
    id: `fedora-${version}`,
    aliases,
    title: `Fedora ${version} Cloud`,
    user: 'fedora',
    hasAgent: true,
    arches: plainWords,
    url: `https://dl.fedoraproject.org/pub/fedora/linux/releases/${version}/Cloud/{arch}/images/Fedora-Cloud-Base-Generic-${build}.{arch}.qcow2`,
    list: { url: `Fedora-Cloud-${build}-{arch}-CHECKSUM`, format: 'bsd' },
    isFixed: true,
    signature: { kind: 'clear', ring: 'fedora', keys: [fedoraKeys[version]] },
  }
}

function alpine(version: string, release: string, aliases: readonly string[]): Entry {
  return {
    ...usual,
    id: `alpine-${version}`,
    aliases,
    title: `Alpine Linux ${version}`,
    user: 'alpine',
    minMemBytes: 256 * mib,
    arches: { x86_64: { arch: 'x86_64', boot: 'bios' }, aarch64: { arch: 'aarch64', boot: 'uefi' } },
    firmware: { x86_64: ['bios'] },
    url: `https://dl-cdn.alpinelinux.org/alpine/v${version}/releases/cloud/nocloud_alpine-${release}-{arch}-{boot}-cloudinit-r0.qcow2`,
    isFixed: true,
    list: { url: '{file}.sha512', format: 'bare' },
  }
}

function rocky(version: string, cpu: 'v2' | 'v3', aliases: readonly string[]): Entry {
  return {
    ...usual,
    id: `rocky-${version}`,
    aliases,
    title: `Rocky Linux ${version}`,
    user: 'rocky',
    minMemBytes: 1.5 * gib,
    cpu: { x86_64: cpu },
    arches: plainWords,
    url: `https://dl.rockylinux.org/pub/rocky/${version}/images/{arch}/Rocky-${version}-GenericCloud-Base.latest.{arch}.qcow2`,
    list: { url: '{file}.CHECKSUM', format: 'bsd' },
  }
}

function almalinux(version: string, cpu: 'v2' | 'v3', key: string, aliases: readonly string[]): Entry {
  return {
    ...usual,
    id: `almalinux-${version}`,
    aliases: [`alma-${version}`, ...aliases],
    title: `AlmaLinux ${version}`,
    user: 'almalinux',
    hasAgent: true,
    minMemBytes: 1.5 * gib,
    cpu: { x86_64: cpu },
    arches: plainWords,
    url: `https://repo.almalinux.org/almalinux/${version}/cloud/{arch}/images/AlmaLinux-${version}-GenericCloud-latest.{arch}.qcow2`,
    list: { url: 'CHECKSUM', format: 'gnu' },
    signature: { kind: 'detached', url: 'CHECKSUM.asc', ring: 'almalinux', keys: [key] },
  }
}

function centos(version: string, cpu: 'v2' | 'v3', aliases: readonly string[]): Entry {
  const folder = `https://cloud.centos.org/centos/${version}-stream/{arch}/images`
  return {
    ...usual,
    id: `centos-stream-${version}`,
    aliases: [`centos-${version}`, ...aliases],
    title: `CentOS Stream ${version}`,
    user: 'cloud-user',
    hasAgent: true,
    minMemBytes: 1.5 * gib,
    cpu: { x86_64: cpu },
    arches: plainWords,
    firmware: { x86_64: ['bios'] },
    url: `${folder}/CentOS-Stream-GenericCloud-${version}-latest.{arch}.qcow2`,
    dated: `${folder}/CentOS-Stream-GenericCloud-${version}-{serial}.{arch}.qcow2`,
    list: { url: '{file}.SHA256SUM', format: 'bsd', isLone: true },
  }
}

/** One list each, signed by the project's key. */
const opensuseSigning = {
  list: { url: '{file}.sha256', format: 'gnu', isLone: true },
  signature: { kind: 'detached', url: '{file}.sha256.asc', ring: 'opensuse', keys: ['AD485664E901B867051AB15F35A2F86E29B700A4'] },
} as const

function freebsd(version: string, aliases: readonly string[]): Entry {
  return {
    ...usual,
    id: `freebsd-${version}`,
    aliases,
    title: `FreeBSD ${version}`,
    user: 'freebsd',
    seed: 'nuageinit',
    arches: { x86_64: { arch: 'amd64', build: 'amd64' }, aarch64: { arch: 'aarch64', build: 'arm64-aarch64' } },
    url: `https://download.freebsd.org/releases/VM-IMAGES/${version}-RELEASE/{arch}/Latest/FreeBSD-${version}-RELEASE-{build}-BASIC-CLOUDINIT-ufs.qcow2.xz`,
    isFixed: true,
    list: { url: 'CHECKSUM.SHA256', format: 'bsd' },
  }
}

/** The newest of each first: `debian` is the first that has this alias. */
export const catalogue: readonly Entry[] = [
  debian('13', 'trixie', ['debian']),
  debian('12', 'bookworm', []),
  ubuntu('26.04', 'resolute', ['ubuntu']),
  ubuntu('24.04', 'noble', []),
  ubuntu('22.04', 'jammy', []),
  fedora(44, '1.7', ['fedora']),
  fedora(43, '1.6', []),
  alpine('3.23', '3.23.4', ['alpine']),
  {
    ...usual,
    id: 'arch',
    aliases: ['archlinux'],
    title: 'Arch Linux',
    user: 'arch',
    hasAgent: true,
    minMemBytes: 512 * mib,
    arches: { x86_64: { arch: 'x86_64' } },
    url: 'https://geo.mirror.pkgbuild.com/images/latest/Arch-Linux-{arch}-cloudimg.qcow2',
    dated: 'https://geo.mirror.pkgbuild.com/images/v{serial}/Arch-Linux-{arch}-cloudimg-{serial}.qcow2',
    // Every file is signed, by a key that is only in their README.
    list: { url: '{file}.SHA256', format: 'gnu', isLone: true },
  },
  {
    ...usual,
    ...opensuseSigning,
    id: 'opensuse-16.0',
    aliases: ['opensuse', 'leap', 'leap-16.0'],
    title: 'openSUSE Leap 16.0',
    user: 'sles',
    hasAgent: true,
    arches: plainWords,
    url: 'https://download.opensuse.org/distribution/leap/16.0/appliances/Leap-16.0-Minimal-VM.{arch}-Cloud.qcow2',
  },
  {
    ...usual,
    ...opensuseSigning,
    id: 'opensuse-tumbleweed',
    aliases: ['tumbleweed'],
    title: 'openSUSE Tumbleweed',
    user: 'opensuse',
    arches: { x86_64: { arch: 'x86_64', tree: 'tumbleweed' }, aarch64: { arch: 'aarch64', tree: 'ports/aarch64/tumbleweed' } },
    url: 'https://download.opensuse.org/{tree}/appliances/openSUSE-Tumbleweed-Minimal-VM.{arch}-Cloud.qcow2',
  },
  rocky('10', 'v3', ['rocky']),
  rocky('9', 'v2', []),
  almalinux('10', 'v3', 'EE6DB7B98F5BF5EDD9DA0DE5DEE5C11CC2A1E572', ['almalinux', 'alma']),
  almalinux('9', 'v2', 'BF18AC2876178908D6E71267D36CB86CB86B3716', []),
  centos('10', 'v3', ['centos', 'centos-stream']),
  centos('9', 'v2', []),
  freebsd('15.1', ['freebsd']),
  freebsd('14.4', []),
  {
    ...usual,
    id: 'fedora-coreos',
    aliases: ['coreos', 'fcos'],
    title: 'Fedora CoreOS stable',
    user: 'core',
    seed: 'ignition',
    arches: plainWords,
    url: 'https://builds.coreos.fedoraproject.org/streams/stable.json',
    list: { url: 'stable.json', format: 'fcos-json' },
    signature: { kind: 'file', ring: 'fedora', keys: Object.values(fedoraKeys) },
  },
]
