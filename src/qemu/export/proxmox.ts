// A script for a node of Proxmox VE. https://pve.proxmox.com/pve-docs/qm.1.html
import { Failure } from '../../core/errors.js'
import { quoteWord, quoteWords } from '../../core/words.js'
import type { DriveInterface, Machine } from '../../model/machine.js'
import { parseCpu } from './cpu.js'
import { bringing, dnsLabel, filesOf, heading, leftOut, type Exported, type Files, type Subject } from './exported.js'
import { boardOptions, cpuNotes, machineNotes, netOptions } from './proxmoxoptions.js'

/** The commands that make the VM and import its drives, which lie in the folder where the script is run. */
export function proxmoxScript(subject: Subject): Exported {
  const { machine } = subject
  if (machine.arch === 'riscv64') throw new Failure('Proxmox VE runs no guest of riscv64')
  const files = filesOf(subject)
  const cpu = parseCpu(machine.cpu)
  const name = dnsLabel(machine.id)
  const nets = netOptions(machine)
  const notes = [
    ...(name === machine.id ? [] : [`its name: there it is ${name}`]),
    ...cpuNotes(cpu),
    ...machineNotes(machine),
    ...nets.notes,
    ...leftOut(subject),
  ]
  const comment = heading(subject, {
    what: 'as commands for a node of Proxmox VE 7.2 or later, as root',
    tried: 'Never run there: written by what its manual and sources say.',
    bring: bringing(files, ''),
    next: [`Then, on the node, in the folder where these files are: sh ${machine.id}.sh [VMID [STORAGE]]`],
    notes,
  })
  const lines = [
    '#!/bin/sh',
    ...comment.map((line) => `# ${line}`.trimEnd()),
    'set -eu',
    'vmid=${1:-$(pvesh get /cluster/nextid)} storage=${2:-local-lvm}',
    ...discLines(files),
    `qm create "$vmid" ${quoteWords(['--name', name, ...boardOptions(machine, cpu), ...nets.options])}`,
    ...firmwareLines(machine, files),
    ...driveLines(machine, files),
    ...(machine.tpm ? [set('tpmstate0', '"$storage":1,version=v2.0')] : []),
    ...bootLine(machine, files),
  ]
  return { text: lines.join('\n'), notes }
}

function set(option: string, value: string): string {
  return `qm set "$vmid" --${option} ${value}`
}

/** `STORAGE:0` and a file by its whole path: a new volume with what is in the file. */
function imported(file: string, ...properties: readonly string[]): string {
  return `"$storage:0,import-from=$PWD/"${quoteWord([file, ...properties].join(','))}`
}

function firmwareLines({ firmware }: Machine, { variables }: Files): string[] {
  if (firmware === undefined) return []
  const keys = `pre-enrolled-keys=${firmware.kind === 'secure' ? 1 : 0}`
  const value = variables === undefined ? `"$storage":1,efitype=4m,${keys}` : imported(variables.file, 'efitype=4m', keys)
  return [set('efidisk0', value)]
}

const buses: Readonly<Record<DriveInterface, 'virtio' | 'scsi' | 'sata'>> = {
  virtio: 'virtio',
  scsi: 'scsi',
  sata: 'sata',
  ide: 'sata',
  nvme: 'sata',
  usb: 'sata',
}

function driveLines({ driveInterface, iothreads, aio }: Machine, { drives, seed }: Files): string[] {
  const bus = buses[driveInterface]
  const thread = iothreads && bus !== 'sata' ? ['iothread=1'] : []
  return [
    ...drives.map(({ file }, index) => set(`${bus}${index}`, imported(file, 'discard=on', `aio=${aio}`, ...thread))),
    ...(seed === undefined ? [] : [set(seedPlace(bus, drives.length), imported(seed.file, 'ro=1', 'serial=nbsvm-seed'))]),
  ]
}

function seedPlace(bus: string, drives: number): string {
  return `virtio${bus === 'virtio' ? drives : 0}`
}

function discLines({ discs }: Files): string[] {
  return discs.map(({ file }) => quoteWords(['cp', file, `/var/lib/vz/template/iso/${file}`]))
}

function bootLine({ driveInterface }: Machine, { drives, discs }: Files): string[] {
  const cds = discs.map(({ file }, index) => ({ place: `ide${index}`, file }))
  const order = [...drives.map((_, index) => `${buses[driveInterface]}${index}`), ...cds.map(({ place }) => place)]
  return [
    ...cds.map(({ place, file }) => set(place, `local:iso/${file},media=cdrom`)),
    ...(order.length === 0 ? [] : [set('boot', quoteWord(`order=${order.join(';')}`))]),
  ]
}
