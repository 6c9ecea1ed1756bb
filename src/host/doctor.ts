// Looks at all of this machine that nbsvm uses. Nothing is changed.
import { messageOf } from '../core/errors.js'
import { pause } from '../sys/clock.js'
import { readRequirements } from './check/requirements.js'
import { lacking, type Finding } from './check/finding.js'
import { checkCeph } from './check/ceph.js'
import { checkFirmware, checkTpm } from './check/firmware.js'
import { checkFlock, checkNode, checkSudo } from './check/host.js'
import { checkLvm } from './check/lvm.js'
import { checkBridges, checkPasst, checkTaps } from './check/network.js'
import { checkKvm, checkQemu, checkQemuImg, checkUsers } from './check/qemu.js'
import { checkRoom } from './check/room.js'
import { checkViewers } from './check/viewer.js'
import type { Outside } from './place.js'

/** KVM's trial takes a second at most. */
const kvmTimeoutMs = 1500

/** LVM waits for disks that sleep, and sudo for a directory server. */
const checkTimeoutMs = 1500

/** What this machine has, one finding a thing, in the order in which VMs need them. Takes two or three seconds at the very most. */
export async function examine(outside: Outside): Promise<Finding[]> {
  const { requirements, findings: settings } = await readRequirements(outside)
  // Alone: the trial measures time.
  const kvm = await inTime('kvm', kvmTimeoutMs, () => checkKvm(requirements))
  const checks: Readonly<Record<string, () => Promise<Finding[]>>> = {
    node: checkNode,
    qemu: () => checkQemu(requirements),
    kvm: async () => kvm,
    run_as: () => checkUsers(requirements),
    'qemu-img': checkQemuImg,
    uefi: () => checkFirmware(requirements),
    tpm: () => checkTpm(requirements),
    flock: checkFlock,
    drives: () => checkRoom(outside.place.drives),
    lvm: () => checkLvm(requirements),
    ceph: () => checkCeph(requirements),
    sudo: checkSudo,
    taps: () => checkTaps(requirements),
    bridges: () => checkBridges(requirements),
    passt: checkPasst,
    viewer: () => checkViewers(requirements, outside.environment),
    settings: async () => [...settings],
  }
  const found = await Promise.all(Object.entries(checks).map(([name, check]) => inTime(name, checkTimeoutMs, check)))
  return found.flat()
}

/** A check that takes too long, or breaks, is one thing not known, and no reason to say nothing about the others. */
async function inTime(name: string, timeoutMs: number, check: () => Promise<Finding[]>): Promise<Finding[]> {
  const late = async (): Promise<Finding[]> => {
    await pause(timeoutMs)
    return [lacking(name, `could not be seen within ${timeoutMs / 1000} s`)]
  }
  const safe = async (): Promise<Finding[]> => {
    try {
      return await check()
    } catch (error) {
      return [lacking(name, `could not be seen: ${messageOf(error)}`)]
    }
  }
  return Promise.race([safe(), late()])
}
