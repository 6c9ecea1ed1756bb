// Block devices, as the kernel shows them to everybody in /sys and /proc.
import fs from 'node:fs'
import { list, readText, stat } from './file.js'

/** The size of a block device in bytes, without opening it; undefined when it is none. */
export function deviceBytes(device: string): number | undefined {
  const number = deviceNumber(device)
  const sectors = number === undefined ? undefined : readText(`/sys/dev/block/${number}/size`)
  return sectors === undefined ? undefined : Number(sectors) * 512
}

/** Whether two paths lead to one block device, by whatever names. */
export function sameDevice(a: string, b: string): boolean {
  const number = deviceNumber(a)
  return number !== undefined && number === deviceNumber(b)
}

/**
 * Who uses a block device, in words: `mounted on /mnt`, `used as swap`, `part of dm-3`, `open in pid 4711 (qemu-img)`.
 * Empty when nobody is seen, which proves nothing: other mount namespaces and other users' processes stay hidden.
 */
export function deviceUsers(device: string): string[] {
  return [...claims(device), ...openers(device)]
}

/** What the kernel itself uses a block device for, in the same words. */
export function claims(device: string): string[] {
  const number = deviceNumber(device)
  return number === undefined ? [] : [...mounts(number), ...swaps(device), ...holders(number)]
}

/** `254:3`: the kernel's number of a block device. */
function deviceNumber(device: string): string | undefined {
  const stats = stat(device)
  if (!stats?.isBlockDevice()) return undefined
  // makedev(3): 12 bits of the major and 20 of the minor number, interleaved.
  const major = Math.floor(stats.rdev / 2 ** 8) & 0xfff
  const minor = (stats.rdev & 0xff) | (Math.floor(stats.rdev / 2 ** 12) & 0xfff00)
  return `${major}:${minor}`
}

function mounts(number: string): string[] {
  const lines = (readText('/proc/self/mountinfo') ?? '').split('\n').map((line) => line.split(' '))
  return lines.filter((fields) => fields[2] === number).map((fields) => `mounted on ${fields[4] ?? ''}`)
}

function swaps(device: string): string[] {
  const devices = (readText('/proc/swaps') ?? '')
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s/)[0] ?? '')
  return devices.some((other) => other !== '' && sameDevice(other, device)) ? ['used as swap'] : []
}

function holders(number: string): string[] {
  return list(`/sys/dev/block/${number}/holders`).map((holder) => `part of ${holder}`)
}

function openers(device: string): string[] {
  const rdev = stat(device)?.rdev
  const pids = list('/proc').filter((name) => /^\d+$/.test(name) && hasDeviceOpen(name, rdev))
  return pids.map((pid) => `open in pid ${pid} (${readText(`/proc/${pid}/comm`)?.trim() ?? ''})`)
}

function hasDeviceOpen(pid: string, rdev: number | undefined): boolean {
  try {
    return list(`/proc/${pid}/fd`).some((fd) => {
      const stats = fs.statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false })
      return stats?.isBlockDevice() === true && stats.rdev === rdev
    })
  } catch {
    return false // another user's process
  }
}
