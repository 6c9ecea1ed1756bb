// What a VM's settings may say where somebody else may have written them: an archive, a folder of backups.
import type { SettingName } from '../../config/settings.js'

/** Whatever its own reader takes. */
const any = /^/
const isOff = /^\s*(?:none)?\s*$/

/**
 * What makes a guest's hardware. Nothing that is QEMU's own words, names a file, a user or a program of this machine, or is run. A setting
 * that is not here is not taken, and what a new one may do need not be thought of here.
 */
const ofGuest: Readonly<Partial<Record<SettingName, RegExp>>> = {
  mem: any,
  smp: any,
  drive_if: any,
  iothread: any,
  firmware: any,
  tpm: any,
  rtc: any,
  arch: any,
  ram: any,
  balloon: any,
  movable: any,
  identity: any,
  user: any,
  // They become parts of words for QEMU.
  machine: /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/,
  cpu: /^[A-Za-z0-9][A-Za-z0-9._,=+-]{0,255}$/,
  net_if: /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
  usb: isOff,
  network: isOff,
  display: isOff,
}

/** Whether a setting says of the guest's hardware alone what it says. */
export function isOfGuest(name: SettingName, text: string): boolean {
  return ofGuest[name]?.test(text) === true
}
