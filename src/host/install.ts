// How what nbsvm can use is installed, by distribution.
import type { Arch } from '../model/guest.js'

/** What can be installed: a program, or what stands for several of the kind. */
export type Installable =
  | 'qemu'
  | 'qemu-img'
  | 'flock'
  | 'lvm'
  | 'ceph'
  | 'qemu-rbd'
  | 'ip'
  | 'passt'
  | 'sudo'
  | 'ssh'
  | 'vncviewer'
  | 'swtpm'
  | `qemu-${Exclude<Arch, 'x86_64'>}`
  | `uefi-${Arch}`

interface Distribution {
  /** The command before the packages. */
  readonly install: string
  /** Its packages, where they are not called as the program. */
  readonly packages: Readonly<Partial<Record<Installable, string>>>
}

const common = { flock: 'util-linux', lvm: 'lvm2', ceph: 'ceph-common', vncviewer: 'tigervnc' } as const

const debian: Distribution = {
  install: 'sudo apt install',
  packages: {
    ...common,
    qemu: 'qemu-system-x86 qemu-utils',
    'qemu-img': 'qemu-utils',
    'qemu-rbd': 'qemu-block-extra',
    ip: 'iproute2',
    ssh: 'openssh-client',
    vncviewer: 'tigervnc-viewer',
    'qemu-aarch64': 'qemu-system-arm',
    // Of its own from Debian 13 on; before, it is in qemu-system-misc.
    'qemu-riscv64': 'qemu-system-riscv',
    'uefi-x86_64': 'ovmf',
    'uefi-aarch64': 'qemu-efi-aarch64',
    'uefi-riscv64': 'qemu-efi-riscv64',
  },
}

const fedora: Distribution = {
  install: 'sudo dnf install',
  packages: {
    ...common,
    qemu: 'qemu-system-x86-core qemu-img',
    'qemu-rbd': 'qemu-block-rbd',
    ip: 'iproute',
    ssh: 'openssh-clients',
    flock: 'util-linux-core',
    'qemu-aarch64': 'qemu-system-aarch64-core',
    'qemu-riscv64': 'qemu-system-riscv-core',
    'uefi-x86_64': 'edk2-ovmf',
    'uefi-aarch64': 'edk2-aarch64',
    'uefi-riscv64': 'edk2-riscv64',
  },
}

const arch: Distribution = {
  install: 'sudo pacman -S',
  packages: {
    ...common,
    qemu: 'qemu-base',
    ceph: 'ceph',
    'qemu-rbd': 'qemu-block-rbd',
    ip: 'iproute2',
    ssh: 'openssh',
    'qemu-aarch64': 'qemu-system-aarch64',
    'qemu-riscv64': 'qemu-system-riscv',
    'uefi-x86_64': 'edk2-ovmf',
    'uefi-aarch64': 'edk2-aarch64',
    'uefi-riscv64': 'edk2-riscv64',
  },
}

const suse: Distribution = {
  install: 'sudo zypper install',
  packages: {
    ...common,
    qemu: 'qemu-x86 qemu-tools',
    'qemu-img': 'qemu-tools',
    'qemu-rbd': 'qemu-block-rbd',
    ip: 'iproute2',
    ssh: 'openssh-clients',
    'qemu-aarch64': 'qemu-arm',
    'qemu-riscv64': 'qemu-extra',
    'uefi-x86_64': 'qemu-ovmf-x86_64',
    'uefi-aarch64': 'qemu-uefi-aarch64',
    'uefi-riscv64': 'qemu-uefi-riscv64',
  },
}

/** By the names that ID and ID_LIKE in /etc/os-release have; the first that fits counts. */
const distributions: readonly (readonly [names: readonly string[], distribution: Distribution])[] = [
  [['debian'], debian],
  // Before Fedora, which these say that they are like.
  [['rhel', 'centos'], { ...fedora, packages: { ...fedora.packages, qemu: 'qemu-kvm qemu-img' } }],
  [['fedora'], fedora],
  [['arch'], arch],
  [['suse', 'opensuse'], suse],
]

/** What one looks for in packages, where the distribution is not known: the program that is meant. */
const programs: Readonly<Partial<Record<Installable, string>>> = {
  qemu: 'qemu-system-x86_64 and qemu-img',
  ceph: "Ceph's program rbd",
  'qemu-rbd': "QEMU's driver for Ceph's RBD",
  'qemu-aarch64': 'qemu-system-aarch64',
  'qemu-riscv64': 'qemu-system-riscv64',
  'uefi-x86_64': "OVMF, QEMU's UEFI firmware",
  'uefi-aarch64': "AAVMF, QEMU's UEFI firmware",
  'uefi-riscv64': "QEMU's UEFI firmware for riscv64",
}

/** The line that installs something, by the text of /etc/os-release. */
export function installLine(release: string, what: Installable): string {
  const like = new Set([...release.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)/gm)].flatMap((match) => match[1]?.split(' ') ?? []))
  const [, distribution] = distributions.find(([names]) => names.some((name) => like.has(name))) ?? []
  if (distribution === undefined) return `with your package manager, the package that has ${programs[what] ?? what}`
  return `${distribution.install} ${distribution.packages[what] ?? what}`
}
