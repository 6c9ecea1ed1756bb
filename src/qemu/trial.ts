// KVM is tried before it is believed: /dev/kvm may open and yet run no 64-bit guest, as on some nested hosts.
import { open, close, remove, temporaryName, writeBytes } from '../sys/file.js'
import { errorCode } from '../core/errors.js'
import { run } from '../sys/process.js'

/** Whether KVM works, and in words why not. */
export interface Verdict {
  readonly works: boolean
  readonly why: string
}

/** What the trial guest reports by isa-debug-exit, as QEMU's exit status: (0x2a << 1) | 1. */
const success = 85

/** A working KVM answers within 100 ms. */
const trialTimeoutMs = 1000

/**
 * The trial guest: firmware of 64 KiB that enters long mode and says so. `as` and `objdump -D -b binary -m i8086` show it:
 *
 *     0000  cli; xor ax,ax; mov ds,ax
 *     0005  mov dword [1000h],2003h; mov dword [2000h],3003h; mov dword [3000h],83h     ; first 2 MiB as they are
 *     0020  lgdt cs:[0090h]
 *     0027  mov eax,20h; mov cr4,eax                                                    ; PAE
 *     0030  mov eax,1000h; mov cr3,eax
 *     0039  mov ecx,0C0000080h; rdmsr; or eax,100h; wrmsr                               ; EFER.LME
 *     0049  mov eax,cr0; or eax,80000001h; mov cr0,eax                                  ; protection and paging
 *     0055  jmp dword 8:0F005Dh
 *     005D  mov rax,1122334455667788h; shr rax,32; cmp eax,11223344h; jne 0076h         ; only 64-bit code can
 *     0072  mov al,2Ah; out 0F4h,al
 *     0076  hlt; jmp 0076h
 *     0080  GDT: null, 64-bit code; 0090  its size and place
 *     FFF0  jmp 0F000h:0000h                                                            ; the reset vector
 */
const code =
  'fa31c08ed866c70600100320000066c70600200330000066c706003083000000' +
  '2e660f0116900066b8200000000f22e066b8001000000f22d866b9800000c00f' +
  '32660d000100000f300f20c0660d010000800f22c066ea5d000f00080048b888' +
  '7766554433221148c1e8203d443322117504b02ae6f4f4ebfd8db400008d7400' +
  '000000000000000000000000009a20000f0080000f000000'
const resetVector = 'ea000000f0'

/** The firmware as it stands in ROM. */
export function trialFirmware(): Buffer {
  const rom = Buffer.alloc(64 * 1024)
  rom.write(code, 0, 'hex')
  rom.write(resetVector, 0xfff0, 'hex')
  return rom
}

/** Tries KVM with a real guest, for a second at most. `prefix` is what QEMU is run through (setpriv, when root drops its rights). */
export async function tryKvm(program: string, prefix: readonly string[] = [], device = '/dev/kvm'): Promise<Verdict> {
  const obstacle = prefix.length > 0 ? undefined : deviceObstacle(device)
  if (obstacle !== undefined) return { works: false, why: obstacle }
  return judge(await runTrial(program, 'kvm', trialTimeoutMs, prefix))
}

/** Runs the trial guest. Resolves to QEMU's exit status and words; 137 is one that had to be killed. */
export async function runTrial(program: string, accelerator: string, timeoutMs: number, prefix: readonly string[] = []) {
  const firmware = temporaryName('nbsvm-trial')
  try {
    writeBytes(firmware, trialFirmware(), prefix.length > 0 ? 0o644 : 0o600)
    const exit = 'isa-debug-exit,iobase=0xf4,iosize=4'
    const machine = [
      '-machine',
      'q35',
      '-accel',
      accelerator,
      '-cpu',
      'max',
      '-m',
      '16',
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
    ]
    return await run([...prefix, program, ...machine, '-bios', firmware, '-device', exit], { timeoutMs })
  } finally {
    remove(firmware)
  }
}

function judge({ status, stderr }: { status: number; stderr: string }): Verdict {
  if (status === success) return { works: true, why: 'a trial guest ran' }
  if (status === 137)
    return { works: false, why: '/dev/kvm is there, but a trial guest hung on it (a nested host without hardware help?)' }
  const words = stderr
    .trim()
    .split('\n')[0]
    ?.replace(/^\S*qemu\S*: /, '')
  return { works: false, why: `a trial guest failed: ${words || `exit status ${status}`}` }
}

function deviceObstacle(device: string): string | undefined {
  try {
    close(open(device, 'device'))
    return undefined
  } catch (error) {
    if (errorCode(error) === 'ENOENT')
      return `there is no ${device}: no virtualization in this CPU or its firmware settings, or the kvm module is not loaded`
    if (errorCode(error) === 'EACCES')
      return `${device} is closed to you; join its group: sudo usermod -aG kvm $USER, then log in again`
    return `${device} cannot be opened (${errorCode(error) ?? 'unknown'}); is the kvm module loaded?`
  }
}
