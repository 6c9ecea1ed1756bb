// How what nbsvm can use is installed, by distribution.

/** What can be installed: a program, or what stands for several of the kind. */
export type Installable = 'qemu' | 'qemu-img' | 'flock' | 'lvm' | 'ip' | 'passt' | 'sudo' | 'vncviewer'

interface Distribution {
  /** The command before the packages. */
  readonly install: string
  /** Its packages, where they are not called as the program. */
  readonly packages: Readonly<Partial<Record<Installable, string>>>
}

const common = { flock: 'util-linux', lvm: 'lvm2', vncviewer: 'tigervnc' } as const

const debian: Distribution = {
  install: 'sudo apt install',
  packages: {
    ...common,
    qemu: 'qemu-system-x86 qemu-utils',
    'qemu-img': 'qemu-utils',
    ip: 'iproute2',
    vncviewer: 'tigervnc-viewer',
  },
}

const fedora: Distribution = {
  install: 'sudo dnf install',
  packages: { ...common, qemu: 'qemu-system-x86-core qemu-img', ip: 'iproute', flock: 'util-linux-core' },
}

/** By the names that ID and ID_LIKE in /etc/os-release have; the first that fits counts. */
const distributions: readonly (readonly [names: readonly string[], distribution: Distribution])[] = [
  [['debian'], debian],
  // Before Fedora, which these say that they are like.
  [['rhel', 'centos'], { ...fedora, packages: { ...fedora.packages, qemu: 'qemu-kvm qemu-img' } }],
  [['fedora'], fedora],
  [['arch'], { install: 'sudo pacman -S', packages: { ...common, qemu: 'qemu-base', ip: 'iproute2' } }],
  [
    ['suse', 'opensuse'],
    {
      install: 'sudo zypper install',
      packages: { ...common, qemu: 'qemu-x86 qemu-tools', 'qemu-img': 'qemu-tools', ip: 'iproute2' },
    },
  ],
]

/** What one looks for in packages, where the distribution is not known: the program that is meant. */
const programs: Readonly<Partial<Record<Installable, string>>> = { qemu: 'qemu-system-x86_64 and qemu-img' }

/** The line that installs something, by the text of /etc/os-release. */
export function installLine(release: string, what: Installable): string {
  const like = new Set([...release.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)/gm)].flatMap((match) => match[1]?.split(' ') ?? []))
  const [, distribution] = distributions.find(([names]) => names.some((name) => like.has(name))) ?? []
  if (distribution === undefined) return `with your package manager, the package that has ${programs[what] ?? what}`
  return `${distribution.install} ${distribution.packages[what] ?? what}`
}
