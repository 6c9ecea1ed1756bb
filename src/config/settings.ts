// Every setting once: name, type, default, one line of help. Help, man page, completion, `explain` and the checks are
// made from this table; a new setting is one row here and its use.
import type { Quantity } from './quantity.js'
import {
  count,
  choice,
  files,
  forwards,
  image,
  mac,
  megabytes,
  options,
  ownFile,
  path,
  port,
  seconds,
  shares,
  size,
  sshKeys,
  text,
  textOrNone,
  userName,
  words,
} from './quantity.js'

/** The type of a setting's value, and how text becomes one. */
export interface Setting<T> {
  readonly quantity: Quantity<T>
  /** As it is written in a file; undefined where the setting is unset unless somebody sets it. */
  readonly default: string | undefined
  /** The default in words, for help, where the text itself would not tell. */
  readonly defaultInWords?: string
  readonly help: string
}

function setting<T>(quantity: Quantity<T>, help: string, defaultText?: string, defaultInWords?: string): Setting<T> {
  return { quantity, help, default: defaultText, ...(defaultInWords === undefined ? {} : { defaultInWords }) }
}

export const settingsTable = {
  mem: setting(megabytes, 'RAM in MB, or with a unit: 2G', '512', '512, or what its image needs'),
  smp: setting(count, 'virtual CPUs', '1'),
  drives: setting(
    options,
    'QEMU options in place of all drives; none for no drive',
    undefined,
    'every drive of the VM, from 0 up',
  ),
  drive_if: setting(choice('virtio', 'scsi', 'ide', 'sata', 'nvme', 'usb'), 'how drives are attached', 'virtio'),
  aio: setting(
    choice('io_uring', 'threads'),
    "how QEMU reads and writes the host's files",
    undefined,
    'io_uring where it works, else threads',
  ),
  iothread: setting(choice('yes', 'no'), 'a thread for each virtio disk', 'yes'),
  image: setting(image, 'image that newimg makes the first drive from: see nbsvm images; or URL#sha256:HEX, or a path'),
  user: setting(
    userName,
    "user of the guest that a new drive's system makes, and that ssh logs in as",
    undefined,
    "the image's own",
  ),
  ssh_key: setting(
    sshKeys,
    'public keys that may log in as this user, or files of them',
    undefined,
    "~/.ssh/id_*.pub; nbsvm's own key in any case",
  ),
  password: setting(ownFile, "file with this user's password, for the console; only you may read it", undefined, 'no password'),
  packages: setting(words, 'packages that a new system installs'),
  user_data: setting(ownFile, 'file with what cloud-init is to do besides: #cloud-config, a script'),
  drive_size: setting(size, "size of newimg's drive", '20G'),
  cdrom: setting(files, 'discs (ISO files), each in a drive of its own; tried after the drives when it boots'),
  display: setting(
    options,
    'QEMU options in place of the display; none for no display',
    undefined,
    'VNC on a unix socket in the drawer',
  ),
  vnc_port: setting(port, 'TCP port that vnc listens on', undefined, 'first free from 5900'),
  viewer: setting(
    words,
    'program that vnc opens; HOST:PORT is put after it; none for no viewer',
    undefined,
    'the viewer that is installed',
  ),
  store: setting(
    choice('dir', 'lvm', 'rbd'),
    'where drives live: files, LVM volumes, or a pool of Ceph',
    undefined,
    'lvm if vg is set, else dir',
  ),
  vg: setting(textOrNone, 'LVM volume group'),
  pool: setting(
    textOrNone,
    'thin pool of the volume group that new volumes are made in; with store=rbd the pool of Ceph',
    undefined,
    'none: classic volumes',
  ),
  ceph_conf: setting(path, "file that says where Ceph's monitors are", undefined, '/etc/ceph/ceph.conf'),
  ceph_user: setting(text, 'user of Ceph whose key opens the drives, without client.', undefined, 'nbsvm'),
  snapshot_size: setting(size, 'room of a classic LVM snapshot', undefined, 'as much as its origin'),
  gold: setting(text, 'VM or drive (foo, foo-0) that snapshot and clone copy', 'gold'),
  snapshot_lv: setting(text, "source's name in the store", undefined, 'nbsvm-[CLASS-]GOLD'),
  source: setting(path, 'absolute path of the source: a block device or an image file', undefined, 'gold in the store'),
  bs: setting(textOrNone, 'block size of dd; makes clone use dd'),
  ddargs: setting(words, 'further arguments of dd; makes clone use dd'),
  usb: setting(options, 'QEMU options in place of USB; none turns it off', undefined, 'USB with a tablet'),
  network: setting(
    options,
    'QEMU options in place of the network; none turns it off',
    undefined,
    'one NIC: as root on a tap, else on the user network',
  ),
  net_if: setting(text, 'NIC model', 'virtio-net-pci'),
  mac: setting(mac, 'MAC address', undefined, "made from the VM's id, always the same"),
  forward: setting(forwards, 'ports of the host that lead into the guest: HOST:GUEST ...', undefined, 'none'),
  share: setting(shares, 'folders of this machine that the guest sees: HOST:GUEST ..., HOST:GUEST:ro to be read only'),
  bridge: setting(words, "bridge that the VM's tap joins"),
  vhost: setting(
    choice('yes', 'no'),
    "let the host's kernel move the packets of taps, with KVM and where /dev/vhost-net is",
    'yes',
  ),
  args: setting(options, 'further QEMU options'),
  cpu: setting(text, 'QEMU CPU model', undefined, 'host with KVM, else max'),
  firmware: setting(
    choice('bios', 'uefi', 'secure'),
    'what the guest boots by; secure is UEFI that boots only what Microsoft has signed',
    undefined,
    'what it was first started with, else bios; uefi where the processor is not x86',
  ),
  tpm: setting(choice('yes', 'no'), 'a TPM 2.0, by swtpm; what it holds stays', undefined, 'no; yes where it had one before'),
  rtc: setting(choice('utc', 'localtime'), "what the guest's clock shows; Windows takes it for local time", 'utc'),
  arch: setting(
    choice('x86_64', 'aarch64', 'riscv64'),
    "the guest's processor",
    undefined,
    "what it was first started with, else this machine's",
  ),
  machine: setting(
    text,
    'QEMU machine type',
    undefined,
    'the newest q35 of this QEMU (virt where it is not x86), with its version',
  ),
  accel: setting(choice('kvm', 'tcg'), 'accelerator', undefined, 'kvm where it works, else tcg'),
  ram: setting(choice('private', 'shared'), 'whether RAM is private to QEMU or a shared memfd', 'private'),
  balloon: setting(choice('yes', 'no'), 'a balloon, by which the guest gives memory back that it does not use', 'yes'),
  movable: setting(
    choice('yes', 'no'),
    'whether it can move to another machine while it runs: started with what other machines have too',
    'no',
  ),
  identity: setting(
    choice('yes', 'no'),
    'whether fork makes its guest another than the one that it is a copy of: name, keys, addresses',
    'yes',
  ),
  run_as: setting(text, 'the user that QEMU runs as', undefined, 'yourself; under root a user of its own for each VM'),
  qemu: setting(text, 'the QEMU program', undefined, 'qemu-system-ARCH'),
  timeout: setting(seconds, 'seconds that shutdown, wait, type and ssh wait (ssh: 600 where it is not set)', '60'),
  log_size: setting(size, "how much of the console's output is kept", '4M'),
  trust_source: setting(choice('no', 'yes'), 'accept a source image that refers to other files of the host', 'no'),
} as const

export type SettingName = keyof typeof settingsTable

type ValueOf<S> = S extends Setting<infer T> ? T : never

/** Which settings always have a value, because the table gives a default in text. */
type Defaulted =
  | 'mem'
  | 'smp'
  | 'drive_if'
  | 'drive_size'
  | 'gold'
  | 'net_if'
  | 'ram'
  | 'iothread'
  | 'vhost'
  | 'rtc'
  | 'balloon'
  | 'movable'
  | 'identity'
  | 'timeout'
  | 'log_size'
  | 'trust_source'

/** The values that a VM runs with, after all layers are folded. */
export type Settings = {
  readonly [N in SettingName]: N extends Defaulted
    ? ValueOf<(typeof settingsTable)[N]>
    : ValueOf<(typeof settingsTable)[N]> | undefined
}

export const settingNames = Object.keys(settingsTable) as SettingName[]

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingsTable, name)
}

/** A setting's default in words. */
export function describeDefault(name: SettingName): string {
  const { default: text, defaultInWords } = settingsTable[name] as Setting<unknown>
  return defaultInWords ?? text ?? 'none'
}
