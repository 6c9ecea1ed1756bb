// KVM is tried before it is believed: /dev/kvm may open and yet run no 64-bit guest, as on some nested hosts.
import { errorCode, messageOf } from '../core/errors.js'
import { monotonicMs } from '../sys/clock.js'
import { close, open, readText, remove, stat, temporaryName, writeBytes } from '../sys/file.js'
import { run } from '../sys/process.js'
import { success, trialFirmware, type Mark } from './trialguest.js'

/** Whether KVM works, and in words why not. */
export interface Verdict {
  readonly works: boolean
  readonly why: string
  /** The trial may have failed because the host was busy: not to be believed for long. */
  readonly isDoubtful?: true
}

/** A working KVM answers within 100 ms. */
const trialTimeoutMs = 1000

/** Between two marks a guest takes milliseconds. One that was killed sooner after its last mark may only have been late. */
const surelyHungMs = 300

/** The status of a program that had to be killed, as a shell says it. */
const killed = 128 + 9

/** How a trial ended. */
export interface TrialResult {
  readonly status: number
  /** The marks that the guest made, in order. */
  readonly marks: string
  readonly stderr: string
  /** How long before the end the last mark came. */
  readonly quietMs: number
}

/** Whom QEMU runs as where root drops its rights, and what it is run through then (setpriv). */
export interface QemuUser {
  readonly user: string
  readonly prefix: readonly string[]
}

/** Tries KVM with a real guest, for a second at most; as `qemuUser`, or as the caller. */
export async function tryKvm(
  program: string,
  qemuUser?: QemuUser,
  { device = '/dev/kvm', signal }: { readonly device?: string; readonly signal?: AbortSignal | undefined } = {},
): Promise<Verdict> {
  // The rights that count are those of the user whom QEMU runs as.
  const code = qemuUser === undefined ? openingFault(device) : undefined
  const around = { ...look(device), ...(qemuUser === undefined ? {} : { user: qemuUser.user }) }
  if (code !== undefined) return { works: false, why: deviceFault(code, around) }
  const trial = { program, accelerator: 'kvm', timeoutMs: trialTimeoutMs, signal } as const
  try {
    return judge(await runTrial({ ...trial, ...(qemuUser === undefined ? {} : { prefix: qemuUser.prefix }) }), around)
  } catch (error) {
    if (signal?.aborted === true) throw error
    // No room for temporary files, above all: the VM itself needs none.
    return { works: false, why: `it could not be tried: ${messageOf(error)}`, isDoubtful: true }
  }
}

/** Runs the trial guest, or another `firmware`. It is killed after `timeoutMs`. Nothing is left behind. */
export async function runTrial(options: {
  readonly program: string
  readonly accelerator: 'kvm' | 'tcg'
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  readonly prefix?: readonly string[]
  readonly firmware?: Buffer
}): Promise<TrialResult> {
  const { program, accelerator, timeoutMs, signal, prefix = [], firmware = trialFirmware() } = options
  const fd = unnamed(firmware)
  let marks = ''
  let markedMs = monotonicMs()
  const onOutput = (text: string): void => {
    marks += text
    markedMs = monotonicMs()
  }
  try {
    const command = [...prefix, program, ...trialMachine(accelerator), '-bios', '/proc/self/fd/3']
    const { status, stderr } = await run(command, {
      timeoutMs,
      onOutput,
      pass: [fd],
      ...(signal === undefined ? {} : { signal }),
    })
    return { status, marks, stderr, quietMs: monotonicMs() - markedMs }
  } finally {
    close(fd)
  }
}

function trialMachine(accelerator: 'kvm' | 'tcg'): string[] {
  const bare = ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-machine', 'q35', '-m', '2']
  const marks = ['-chardev', 'stdio,id=marks', '-device', 'isa-debugcon,iobase=0xe9,chardev=marks']
  const end = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4']
  // The CPU that a VM gets: `-cpu host` is where some hosts fail.
  return [...bare, '-accel', accelerator, '-cpu', accelerator === 'kvm' ? 'host' : 'max', ...marks, ...end]
}

/** A file without a name, which nobody has to remove; another user's QEMU may read it too. */
function unnamed(bytes: Buffer): number {
  const file = temporaryName('nbsvm-trial')
  writeBytes(file, bytes, 0o644)
  const fd = open(file, 'read')
  remove(file)
  return fd
}

/** What else is known where KVM fails, for the words. */
export interface Surroundings {
  readonly device: string
  /** Whom root's QEMU runs as; absent where it runs as the caller. */
  readonly user?: string
  /** Permissions of the device; undefined where there is none. */
  readonly mode: number | undefined
  /** The name of the device's group. */
  readonly group: string | undefined
  /** Which kernel module would serve this CPU; undefined where the CPU shows no virtualization. */
  readonly module: 'kvm_intel' | 'kvm_amd' | undefined
}

function look(device: string): Surroundings {
  const node = stat(device)
  const groups = new Map((readText('/etc/group') ?? '').split('\n').map((line) => [line.split(':')[2], line.split(':')[0]]))
  const flags = /^flags\s*:.*$/m.exec(readText('/proc/cpuinfo') ?? '')?.[0].split(' ') ?? []
  return {
    device,
    mode: node?.mode,
    group: node === undefined ? undefined : groups.get(String(node.gid)),
    module: flags.includes('vmx') ? 'kvm_intel' : flags.includes('svm') ? 'kvm_amd' : undefined,
  }
}

/** The verdict on a trial. */
export function judge({ status, marks, stderr, quietMs }: TrialResult, around: Surroundings): Verdict {
  if (status === success) return { works: true, why: 'a trial guest ran 64-bit code with it' }
  const words = complaint(stderr)
  if (/invalid accelerator|not compiled in|does not support/i.test(words)) {
    return { works: false, why: 'this QEMU is built without KVM' }
  }
  if (/permission denied/i.test(words)) return { works: false, why: deviceFault('EACCES', around) }
  if (/no such file/i.test(words)) return { works: false, why: deviceFault('ENOENT', around) }
  if (status !== killed) {
    const what = status === 0 ? 'a trial guest crashed with it' : 'a trial guest failed with it'
    return { works: false, why: `${what}: ${words || `QEMU ended with ${status}`}` }
  }
  const doubt = marks === '' || quietMs < surelyHungMs ? { isDoubtful: true as const } : {}
  return { works: false, why: words === '' ? hangs(marks) : `${hangs(marks)}: ${words}`, ...doubt }
}

function hangs(marks: string): string {
  const words: Record<Mark | '', string> = {
    '': 'a trial guest did not begin',
    r: 'a trial guest hung with it before protected mode',
    p: 'a trial guest hung with it on the way into 64-bit mode',
    l: 'it runs 64-bit code far too slowly, as where a nested host only emulates it',
  }
  const last = marks.at(-1) ?? ''
  return last in words ? words[last as Mark] : 'a trial guest hung with it'
}

/** The first line of QEMU's that is no mere warning, without the name that it puts before it. */
function complaint(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim().replace(/^[^\s:]+: /, ''))
  return lines.find((line) => line !== '' && !line.startsWith('warning:')) ?? ''
}

/** Why the device cannot be opened, by the system's error code, and what helps. */
export function deviceFault(code: string, { device, user, mode, group = 'kvm', module }: Surroundings): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM': {
      const open = mode === undefined || (mode & 0o060) === 0o060
      const grant = `sudo chgrp kvm ${device} && sudo chmod g+rw ${device}`
      // The unprivileged user of root's VMs needs no group of its own: it is given the device's.
      if (user !== undefined) return `${device} is closed to ${user}, whom QEMU runs as: ${grant}`
      return `${device} is closed to you: ${open ? '' : `${grant} && `}sudo usermod -aG ${open ? group : 'kvm'} $USER, then log in again`
    }
    case 'ENOENT':
    case 'ENODEV':
    case 'ENXIO':
      return module === undefined
        ? `there is no ${device}, and the CPU shows no virtualization: it is off in the firmware's settings, or this machine is a guest itself`
        : `there is no ${device}: the kernel module is not loaded: sudo modprobe ${module}`
    default:
      return `${device} cannot be opened (${code})`
  }
}

function openingFault(device: string): string | undefined {
  try {
    close(open(device, 'write'))
    return undefined
  } catch (error) {
    return errorCode(error) ?? 'unknown'
  }
}
