// The QEMU command of a VM, from plain data: pure, and each device in a file of its own under device/.
import { quoteWords, quoteWord } from '../core/words.js'
import { discOptions } from './device/disc.js'
import { displayOptions } from './device/display.js'
import { driveOptions } from './device/drive.js'
import { firmwareOptions } from './device/firmware.js'
import { nicOptions } from './device/nic.js'
import { agentOptions, consoleOptions, eventOptions, jobsOptions, monitorOptions, qmpOptions } from './device/port.js'
import { seedOptions } from './device/seed.js'
import { shareOptions } from './device/share.js'
import { slotOptions } from './device/slot.js'
import { tpmOptions } from './device/tpm.js'
import { usbOptions } from './device/usb.js'
import type { Handed, Machine, Option, Words } from '../model/machine.js'

/** The options in the order in which `explain` shows them. */
export function qemuOptions(machine: Machine): Option[] {
  return [
    ['-name', `guest=${machine.id}`],
    ['-nodefaults'],
    ['-no-user-config'],
    ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...handedOptions(machine),
    ...boardOptions(machine),
    ...firmwareOptions(machine),
    ...qmpOptions(),
    ...jobsOptions(),
    ...monitorOptions(),
    ...eventOptions(machine),
    ...consoleOptions(machine),
    ...driveOptions(machine),
    ...nicOptions(machine),
    ...displayOptions(machine),
    ...usbOptions(machine),
    ...identityOptions(machine),
    ...agentOptions(machine),
    ...tpmOptions(machine),
    ...seedOptions(machine),
    ...slotOptions(machine),
    ...discOptions(machine),
    ...shareOptions(machine),
  ]
}

/** The whole command, program first: the user's own arguments come last, so that they can have the last word. */
export function qemuCommand(machine: Machine): string[] {
  return [...machine.prefix, machine.program, ...qemuOptions(machine).flat(), ...machine.args] as string[]
}

/** Descriptors that QEMU inherits, put into sets that `/dev/fdset/N` names. */
function handedOptions({ handed }: Machine): Option[] {
  return handed.flatMap(({ fd, set }) => (set === undefined ? [] : [['-add-fd', `fd=${fd},set=${set}`] as const]))
}

/** The interrupt controller of aarch64: the host's own with KVM, else one that takes more than eight processors. */
const gics = { kvm: 'host', tcg: '3' } as const

function ramBytesOf({ memBytes, ramPadBytes = 0 }: Machine): number {
  return memBytes + ramPadBytes
}

/** RAM, where it is not private to QEMU. */
function memoryOf(machine: Machine): { readonly id: string; readonly [property: string]: unknown } | undefined {
  const { ram, ramFile } = machine
  const size = ramBytesOf(machine)
  if (ramFile !== undefined) {
    const { id, path, use, isReadOnly } = ramFile
    const file = { 'qom-type': 'memory-backend-file', id, size, 'mem-path': path, share: use === 'written' }
    return isReadOnly ? { ...file, readonly: true, rom: 'off' } : file
  }
  return ram === 'shared' ? { 'qom-type': 'memory-backend-memfd', id: sharedRamId, size, share: true } : undefined
}

/** What QEMU calls RAM that is a memfd. */
const sharedRamId = 'ram'

/** Board, processor and memory. */
function boardOptions(machine: Machine): Option[] {
  const memBytes = ramBytesOf(machine)
  const memory = memoryOf(machine)
  const gic = machine.arch === 'aarch64' && machine.type.startsWith('virt') ? `,gic-version=${gics[machine.accelerator]}` : ''
  return [
    // The firmware and what it boots then speak on the serial console as well; the screen shows them all the same. It stands
    // before the type, to which the user may have added another word on it.
    ['-machine', `graphics=off${gic}`],
    ['-machine', memory === undefined ? machine.type : `${machine.type},memory-backend=${memory.id}`],
    ['-accel', machine.accelerator],
    ['-cpu', machine.cpu],
    ['-smp', String(machine.cpus)],
    ['-m', machine.ramPadBytes === undefined ? `${memBytes / 1024 ** 2}M` : `${memBytes / 1024}K`],
    ...(memory === undefined ? [] : [['-object', JSON.stringify(memory)] as const]),
    ...(machine.clock === 'utc' ? [] : [['-rtc', `base=${machine.clock}`] as const]),
  ]
}

/**
 * What makes this guest this guest: its UUID; a generation id, which tells a copy that it is one; entropy; a way to
 * say that its kernel panicked; and one to give memory back that it does not use.
 */
function identityOptions(machine: Machine): Option[] {
  const isX86 = machine.arch === 'x86_64'
  return [
    ['-uuid', machine.uuid],
    // Only x86's boards have a place for it.
    ...(isX86 ? [['-device', JSON.stringify({ driver: 'vmgenid', guid: machine.generation })] as const] : []),
    ['-device', JSON.stringify({ driver: 'virtio-rng-pci', id: 'rng' })],
    ['-device', JSON.stringify({ driver: isX86 ? 'pvpanic' : 'pvpanic-pci' })],
    ...(machine.balloon
      ? [['-device', JSON.stringify({ driver: 'virtio-balloon-pci', id: 'balloon', 'free-page-reporting': true })] as const]
      : []),
  ]
}

/** What a command is run through so that it writes its number down itself, in the drawer: whoever started it may be gone by then. */
export const writingPid = ['sh', '-c', 'echo $$ >../pid; exec "$@"', 'sh'] as const

/**
 * The command as a shell line, one option a line, ready to paste. flock(1) takes the VM's lock and hands it to QEMU, and a
 * shell, whose process becomes QEMU, writes its number down, so what is pasted is the VM for every other nbsvm command.
 */
export function pasteable(machine: Machine, drawer: string, owner: { readonly uid: number; readonly gid: number }): string {
  const lines = [
    quoteWords([...writingPid, ...machine.prefix, machine.program]),
    ...qemuOptions(machine).map((option) => quoteWords(option as Words)),
    ...optionLines(machine.args).map(quoteWords),
    ...machine.handed.map(({ fd, path, mode }) => `${fd}${redirection[mode]}${quoteWord(path)}`),
  ]
  const run = `${drawer}/run`
  const give = machine.prefix.length === 0 ? '' : ` && chown ${owner.uid}:${owner.gid} ${quoteWord(run)}`
  const folders = `mkdir -p -m 700 ${quoteWords([drawer, run])}`
  return `${folders}${give} && cd ${quoteWord(run)} && umask 077 && flock -n -F ../lock \\\n  ${lines.join(' \\\n  ')}`
}

const redirection: Readonly<Record<Handed['mode'], string>> = { read: '<', write: '<>', fifo: '>' }

/** Groups words as they belong together: an option, then its values up to the next option. */
function optionLines(words: Words): string[][] {
  const lines: string[][] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (word.startsWith('-') || last === undefined) lines.push([word])
    else last.push(word)
  }
  return lines
}
