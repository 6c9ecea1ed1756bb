// A volume group of its own for tests, on a disk that nobody else has.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

export interface TestGroup {
  readonly vg: string
  /** The disk that it is on. */
  readonly disk: string
  /** Runs a command to its end and returns what it wrote; throws when it fails. */
  readonly sh: (command: string) => string
  /** Takes the group and its disk away. */
  readonly remove: () => void
}

/**
 * Makes a volume group on /dev/ubda, the disk of User-Mode Linux, or on a loop device where the tests run on the machine
 * itself. lvm gets its own settings for it: no other disk is looked at, nothing is written to /etc/lvm.
 */
export function makeTestGroup(vg: string, diskBytes: number): TestGroup {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-lvm-'))
  const inUml = fs.existsSync('/dev/ubda')
  const sh = (command: string): string =>
    execFileSync('bash', ['-euc', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const disk = inUml ? '/dev/ubda' : loopDevice(path.join(folder, 'disk'), diskBytes, sh)
  fs.writeFileSync(path.join(folder, 'lvm.conf'), lvmSettings(disk, inUml))
  process.env['LVM_SYSTEM_DIR'] = folder
  sh(`vgcreate --quiet --physicalextentsize 1m ${vg} ${disk}`)
  const remove = (): void => {
    sh(`vgremove --force --quiet ${vg}; pvremove --quiet ${disk}`)
    if (!inUml) sh(`losetup --detach ${disk}`)
    fs.rmSync(folder, { recursive: true, force: true })
  }
  return { vg, disk, sh, remove }
}

function loopDevice(file: string, sizeBytes: number, sh: (command: string) => string): string {
  sh(`truncate --size=${sizeBytes} ${file}`)
  return sh(`losetup --find --show ${file}`).trim()
}

function lvmSettings(disk: string, inUml: boolean): string {
  // No udev runs in User-Mode Linux: lvm makes the device nodes itself.
  const udev = inUml ? 'udev_sync=0 udev_rules=0 verify_udev_operations=0' : ''
  return [
    `devices { use_devicesfile=0 scan=["/dev"] filter=["a|^${disk}$|","r|.*|"] global_filter=["a|^${disk}$|","r|.*|"] }`,
    'backup { backup=0 archive=0 }',
    // lvm locks what it reserves into memory, page by page, which takes half a second there.
    `activation { ${udev} monitoring=0 reserved_memory=64 reserved_stack=64 }`,
    // thin_check is in a package of its own, which lvm only recommends.
    'global { thin_check_executable="" }',
  ].join('\n')
}
