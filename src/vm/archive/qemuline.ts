// A command line of QEMU that somebody wrote by hand, read as settings and disks. It is never run, and nothing in it is expanded. Pure.
import { UsageError } from '../../core/errors.js'
import { quote } from '../../core/quote.js'
import { parseSize } from '../../core/size.js'
import { quoteWord, quoteWords, splitWords } from '../../core/words.js'
import type { SettingName } from '../../config/settings.js'
import { archOfProgram } from '../../qemu/program.js'
import { splitOptions, type LineOption } from './qemuoptions.js'
import { readJson, readPairs } from './qemupairs.js'

export interface QemuLine {
  readonly settings: Readonly<Partial<Record<SettingName, string>>>
  /** Files of disks, as the line names them, in their order. */
  readonly disks: readonly LineDisk[]
  /** For the user: what is not taken over. */
  readonly leftOut: readonly string[]
}

export interface LineDisk {
  readonly file: string
  /** What the line says that it is. */
  readonly format: string | undefined
}

/** What nbsvm does itself, for every VM. */
const ownWays = new Set(
  '-nographic -nodefaults -no-user-config -daemonize -usb -name -serial -monitor -qmp -pidfile -display -vnc -k -usbdevice -sandbox -msg -D'.split(
    ' ',
  ),
)

/** Devices that every VM has anyhow, and what they stand on. */
const ownDevices =
  /^(?:virtio-balloon|virtio-rng|usb-tablet|usb-kbd|usb-ehci|qemu-xhci|nec-usb-xhci|ich9-usb|piix3-usb|ahci|virtio-serial|pcie-root-port|VGA|virtio-vga|virtio-gpu)/

const diskDevices: Readonly<Record<string, string>> = {
  'virtio-blk': 'virtio',
  'scsi-hd': 'scsi',
  'ide-hd': 'ide',
  nvme: 'nvme',
  'usb-storage': 'usb',
}

const interfaces: Readonly<Record<string, string>> = { virtio: 'virtio', ide: 'ide', scsi: 'scsi', none: '' }

const cards = /^(?:virtio-net|e1000|e1000e|rtl8139|vmxnet3|pcnet|ne2k_pci|igb)/

/** Reads it. Throws a UsageError where it is no command line of QEMU. */
export function readQemuLine(line: string): QemuLine {
  const words = splitWords(line)
  const at = words.findIndex((word) => /(?:^|\/)(?:qemu-system-[a-z0-9_]+|qemu|kvm|qemu-kvm)$/.test(word))
  const before = words.slice(0, Math.max(0, at))
  if (at === -1 || !before.every((word) => /^(?:sudo|exec|nice|env|[A-Za-z_]\w*=.*)$/.test(word)))
    throw new UsageError(`that is not a command line of QEMU: ${quote(line)}`, {
      hints: ["it begins like: import --qemu 'qemu-system-x86_64 -m 2G ...'"],
    })
  const open = words.find((word) => /\$[({A-Za-z_]|`/.test(word))
  if (open !== undefined)
    throw new UsageError(`nothing in the line is expanded: ${quote(open)}`, {
      hints: ['write out what a shell would make of it'],
    })
  return readQemuOptions(words[at] ?? '', splitOptions(words.slice(at + 1)))
}

/** Reads options of the QEMU that `program` is. */
export function readQemuOptions(program: string, options: readonly LineOption[]): QemuLine {
  const reader = new LineReader(program)
  for (const { option, value } of options) {
    if (option === '') reader.disk({ file: value, format: undefined }, 'ide')
    else reader.option(option, value)
  }
  return reader.end()
}

interface Block {
  readonly file: string | undefined
  readonly format: string | undefined
  readonly below: string | undefined
}

class LineReader {
  readonly #settings: Partial<Record<SettingName, string>> = { mem: '128M' }
  readonly #disks: LineDisk[] = []
  readonly #discs: string[] = []
  readonly #forwards: string[] = []
  readonly #leftOut: string[] = []
  readonly #blocks = new Map<string, Block>()
  readonly #isX86: boolean
  #hasNic = false
  #hasNoNic = false

  constructor(program: string) {
    const arch = archOfProgram(program)
    this.#isX86 = arch === 'x86_64' || arch === undefined
    if (arch !== undefined) this.#settings.arch = arch
    else if (program.includes('qemu-system-'))
      this.#leftOut.push(`the processor of ${program}: nbsvm has x86_64, aarch64 and riscv64`)
    // QEMU's own board where none is named.
    if (this.#isX86) this.#settings.machine = 'pc'
  }

  disk(disk: LineDisk, driveInterface: string): void {
    this.#disks.push(disk)
    if (driveInterface === '') return
    const before = this.#settings.drive_if
    if (before === undefined || this.#disks.length === 1) this.#settings.drive_if = driveInterface
    else if (before !== driveInterface) this.#leave(`${quoteWord(disk.file)} at ${driveInterface}: all drives are at ${before}`)
  }

  option(option: string, value: string): void {
    const known: Readonly<Record<string, () => void>> = {
      '-m': () => this.#memory(value),
      '-smp': () => this.#processors(value),
      '-cpu': () => this.#text('cpu', value, /^[A-Za-z0-9][A-Za-z0-9._,=+-]*$/, option),
      '-machine': () => this.#machine(value),
      '-M': () => this.#machine(value),
      '-accel': () => this.#accelerator(value.split(',')[0] ?? ''),
      '-enable-kvm': () => this.#accelerator('kvm'),
      '-hda': () => this.disk({ file: value, format: undefined }, 'ide'),
      '-hdb': () => this.disk({ file: value, format: undefined }, 'ide'),
      '-hdc': () => this.disk({ file: value, format: undefined }, 'ide'),
      '-hdd': () => this.disk({ file: value, format: undefined }, 'ide'),
      '-cdrom': () => void this.#discs.push(value),
      '-drive': () => this.#drive(value),
      '-blockdev': () => this.#blockdev(value),
      '-bios': () => this.#bios(value),
      '-netdev': () => this.#net(value, option),
      '-nic': () => this.#net(value, option),
      '-net': () => this.#net(value, option),
      '-device': () => this.#device(value),
      '-vga': () => this.#card(value),
      '-rtc': () => this.#clock(value),
    }
    const take = known[option]
    if (take !== undefined) take()
    else if (!ownWays.has(option)) this.#leave(quoteWords(value === '' ? [option] : [option, value]))
    else if (option === '-vnc' || (option === '-display' && value !== 'none'))
      this.#leave(`${quoteWords([option, value])}: nbsvm shows it by vnc or web`)
  }

  end(): QemuLine {
    if (this.#hasNoNic && !this.#hasNic) this.#settings.network = 'none'
    else if (this.#settings.net_if === undefined && this.#isX86)
      this.#settings.net_if = this.#settings.machine?.startsWith('pc') === true ? 'e1000' : 'e1000e'
    if (this.#forwards.length > 0) this.#settings.forward = this.#forwards.join(' ')
    if (this.#discs.length > 0) this.#settings.cdrom = quoteWords(this.#discs)
    return { settings: this.#settings, disks: this.#disks, leftOut: this.#leftOut }
  }

  #leave(words: string): void {
    this.#leftOut.push(words)
  }

  #text(name: SettingName, value: string, shape: RegExp, option: string): void {
    if (shape.test(value)) this.#settings[name] = value
    else this.#leave(quoteWords([option, value]))
  }

  #memory(value: string): void {
    const said = readPairs(value, 'size')
    try {
      this.#settings.mem = `${Math.floor(parseSize(said.get('size') ?? '', 'M') / 1024 ** 2)}M`
    } catch {
      this.#leave(quoteWords(['-m', value]))
    }
    if (said.size > 1) this.#leave(`-m ${[...said.keys()].filter((key) => key !== 'size').join(', ')}`)
  }

  #processors(value: string): void {
    const said = readPairs(value, 'cpus')
    const product = ['sockets', 'cores', 'threads'].reduce((count, key) => count * Number(said.get(key) ?? 1), 1)
    this.#text('smp', said.get('cpus') ?? String(product), /^[1-9]\d{0,3}$/, '-smp')
  }

  #machine(value: string): void {
    const said = readPairs(value, 'type')
    for (const [key, one] of said) {
      if (key === 'type') this.#text('machine', one, /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/, '-machine')
      else if (key === 'accel') this.#accelerator(one.split(':')[0] ?? '')
      else this.#leave(`-machine ${key}=${quoteWord(one)}`)
    }
  }

  #accelerator(name: string): void {
    this.#text('accel', name, /^(?:kvm|tcg)$/, '-accel')
  }

  #drive(value: string): void {
    const said = readPairs(value, 'file')
    const [file, kind, id] = [said.get('file'), said.get('if') ?? 'ide', said.get('id')]
    const format = said.get('format') ?? said.get('driver')
    if (kind === 'pflash') return this.#flash(file ?? '')
    if (file === undefined || /^(?:json|[a-z][a-z0-9+]*):/.test(file) || said.has('backing.file') || said.has('file.driver'))
      return this.#leave(quoteWords(['-drive', value]))
    if (said.get('media') === 'cdrom') return void this.#discs.push(file)
    const driveInterface = interfaces[kind]
    if (driveInterface === undefined) return this.#leave(quoteWords(['-drive', value]))
    if (id !== undefined && kind === 'none') this.#blocks.set(id, { file, format, below: undefined })
    else this.disk({ file, format }, driveInterface)
  }

  #blockdev(value: string): void {
    const said = value.startsWith('{') ? readJson(value) : readPairs(value, 'driver')
    const node = said.get('node-name')
    if (node === undefined || said.has('backing') || said.has('data-file')) return this.#leave(quoteWords(['-blockdev', value]))
    this.#blocks.set(node, {
      file: said.get('filename') ?? said.get('file.filename'),
      format: said.get('driver'),
      below: said.get('file'),
    })
  }

  /** The file under a node, and what the one above it says that it is. */
  #blockOf(node: string, depth = 0): LineDisk | undefined {
    const block = this.#blocks.get(node)
    if (block === undefined || depth > 3) return undefined
    if (block.file !== undefined)
      return { file: block.file, format: ['file', 'host_device'].includes(block.format ?? '') ? undefined : block.format }
    const below = block.below === undefined ? undefined : this.#blockOf(block.below, depth + 1)
    return below === undefined ? undefined : { ...below, format: block.format }
  }

  #bios(value: string): void {
    if (/ovmf|edk2|efi/i.test(value)) this.#flash(value)
    else this.#leave(quoteWords(['-bios', value]))
  }

  #flash(file: string): void {
    this.#settings.firmware = 'uefi'
    if (/vars/i.test(file)) this.#leave(`what ${quoteWord(file)} holds: it begins with new UEFI variables`)
    else if (/secboot|\.ms\./i.test(file)) this.#leave(`the secure boot of ${quoteWord(file)}: set firmware=secure for that`)
  }

  #net(value: string, option: string): void {
    const said = readPairs(value, 'type')
    const type = said.get('type')
    if (type === 'none') return void (this.#hasNoNic = true)
    if (type === 'nic') {
      this.#model(said.get('model'), said.get('macaddr'), value)
      return
    }
    if (option === '-nic') this.#model(said.get('model'), said.get('mac'), value)
    if (type !== 'user') return this.#leave(`${quoteWords([option, value])}: it gets a network as nbsvm has one here`)
    // A key may stand several times.
    for (const [, forward = ''] of value.matchAll(/(?:^|,)hostfwd=([^,]*)/g)) this.#forward(forward)
    const others = [...said.keys()].filter((key) => !['type', 'id', 'hostfwd', 'model', 'mac', 'name'].includes(key))
    if (others.length > 0) this.#leave(`${option} ${others.map((key) => `${key}=${said.get(key)}`).join(',')}`)
  }

  /** `tcp:127.0.0.1:8080-:80` */
  #forward(text: string): void {
    const {
      kind = 'tcp',
      address = '',
      host,
      guest,
    } = /^(?<kind>tcp|udp)?:(?<address>[0-9.]*):(?<host>\d{1,5})-(?:[0-9.]*):(?<guest>\d{1,5})$/.exec(text)?.groups ?? {}
    if (host === undefined || guest === undefined) return this.#leave(`hostfwd=${text}`)
    if (address !== '127.0.0.1') this.#leave(`the address of hostfwd=${text}: port ${host} is opened on 127.0.0.1`)
    this.#forwards.push(`${host}:${guest}${kind === 'udp' ? '/udp' : ''}`)
  }

  #model(model: string | undefined, mac: string | undefined, words: string): void {
    if (this.#hasNic) return this.#leave(`a further network card: ${words}`)
    this.#hasNic = true
    if (model !== undefined) this.#settings.net_if = model === 'virtio' ? 'virtio-net-pci' : model.replace(/[^\w-].*$/, '')
    if (mac !== undefined) this.#text('mac', mac, /^[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}$/, '-nic mac')
  }

  #device(value: string): void {
    const said = value.startsWith('{') ? readJson(value) : readPairs(value, 'driver')
    const driver = said.get('driver') ?? ''
    const disk = Object.entries(diskDevices).find(([name]) => driver === name || driver.startsWith(`${name}-`))
    if (disk !== undefined) {
      const found = this.#blockOf(said.get('drive') ?? '')
      if (found === undefined) this.#leave(`-device ${value}: no disk of the line is behind it`)
      else this.disk(found, disk[1])
    } else if (cards.test(driver)) this.#model(driver, said.get('mac'), value)
    else if (driver.startsWith('scsi-cd') || driver.startsWith('ide-cd')) {
      const found = this.#blockOf(said.get('drive') ?? '')
      if (found !== undefined) this.#discs.push(found.file)
    } else if (!ownDevices.test(driver) && !/^(?:virtio-scsi|lsi|megasas)/.test(driver))
      this.#leave(quoteWords(['-device', value]))
  }

  #card(value: string): void {
    if (value === 'std') return
    if (/^(?:none|cirrus|vmware|qxl|virtio)$/.test(value) && this.#isX86) this.#settings.args = `-vga ${value}`
    else this.#leave(quoteWords(['-vga', value]))
  }

  #clock(value: string): void {
    const said = readPairs(value, 'base')
    if (said.get('base') === 'localtime') this.#settings.rtc = 'localtime'
    else if (said.get('base') !== 'utc' || said.size > 1) this.#leave(quoteWords(['-rtc', value]))
  }
}
