// The trial guest: firmware that goes the way every 64-bit kernel goes, and does a few million steps there.

/** What the guest writes to port 0xe9 when it gets there: its first instruction, protected mode, long mode. */
export type Mark = 'r' | 'p' | 'l'

/** QEMU's exit status when the guest has done it all: isa-debug-exit makes it of what is written to port 0xf4. */
export const success = (0x2a << 1) | 1

/**
 * Place in the ROM, bytes, and what they mean. The ROM's 64 KiB end at 4 GiB, and are seen below 1 MiB too, at F0000h.
 *
 * The loop at the end takes a CPU a few milliseconds. There are hosts whose KVM emulates a guest's kernel, step by
 * step, a hundred times slower (kvm_pvm, where the host is a guest itself): they get into long mode, and Linux hangs.
 */
const listing = `
  0000 FA                     cli
  0001 B0 72                  mov al, 'r'
  0003 E6 E9                  out E9h, al
  0005 2E 66 0F 01 16 BD 00   lgdt cs:[00BDh]
  000C 0F 20 C0               mov eax, cr0
  000F 0C 01                  or al, 1                     ; PE
  0011 0F 22 C0               mov cr0, eax
  0014 66 EA 1C 00 0F 00 08 00  jmp 8:000F001Ch            ; to 32-bit code
  001C 66 B8 10 00            mov ax, 10h
  0020 8E D8                  mov ds, ax
  0022 8E C0                  mov es, ax
  0024 B0 70                  mov al, 'p'
  0026 E6 E9                  out E9h, al
  0028 FC                     cld
  0029 31 C0                  xor eax, eax
  002B BF 00 10 00 00         mov edi, 1000h
  0030 B9 00 0C 00 00         mov ecx, 0C00h
  0035 F3 AB                  rep stosd                    ; three empty page tables
  0037 C7 05 00 10 00 00 03 20 00 00  mov dword [1000h], 2003h
  0041 C7 05 00 20 00 00 03 30 00 00  mov dword [2000h], 3003h
  004B C7 05 00 30 00 00 83 00 00 00  mov dword [3000h], 83h  ; the first 2 MiB as they are
  0055 B8 00 10 00 00         mov eax, 1000h
  005A 0F 22 D8               mov cr3, eax
  005D B8 20 00 00 00         mov eax, 20h                 ; PAE
  0062 0F 22 E0               mov cr4, eax
  0065 B9 80 00 00 C0         mov ecx, C0000080h           ; EFER
  006A 0F 32                  rdmsr
  006C 80 CC 01               or ah, 1                     ; LME
  006F 0F 30                  wrmsr
  0071 0F 20 C0               mov eax, cr0
  0074 0D 00 00 00 80         or eax, 80000000h            ; PG
  0079 0F 22 C0               mov cr0, eax
  007C EA 83 00 0F 00 18 00   jmp 18h:000F0083h            ; to 64-bit code
  0083 B0 6C                  mov al, 'l'
  0085 E6 E9                  out E9h, al
  0087 48 B8 88 77 66 55 44 33 22 11  mov rax, 1122334455667788h
  0091 48 89 04 25 00 80 00 00  mov [8000h], rax
  0099 48 8B 1C 25 00 80 00 00  mov rbx, [8000h]
  00A1 48 C1 EB 20            shr rbx, 32
  00A5 81 FB 44 33 22 11      cmp ebx, 11223344h           ; only 64-bit registers and memory can
  00AB 75 0D                  jne 00BAh
  00AD B9 00 00 40 00         mov ecx, 400000h
  00B2 FF C9                  dec ecx
  00B4 75 FC                  jnz 00B2h
  00B6 B0 2A                  mov al, 2Ah
  00B8 E6 F4                  out F4h, al                  ; QEMU ends here
  00BA F4                     hlt
  00BB EB FD                  jmp 00BAh
  00BD 1F 00 C3 00 0F 00      the descriptor table: 4 entries at F00C3h
  00C3 00 00 00 00 00 00 00 00
  00CB FF FF 00 00 00 9B CF 00  8: 32-bit code
  00D3 FF FF 00 00 00 93 CF 00  10h: data
  00DB FF FF 00 00 00 9B AF 00  18h: 64-bit code
  FFF0 EA 00 00 00 F0         jmp F000h:0000h              ; where a CPU begins
`

/** The firmware as it stands in ROM. */
export function trialFirmware(): Buffer {
  const rom = Buffer.alloc(64 * 1024)
  for (const [, place = '', bytes = ''] of listing.matchAll(/^ {2}([0-9A-F]{4})((?: [0-9A-F]{2})+)(?= {2}|$)/gm)) {
    rom.write(bytes.replaceAll(' ', ''), Number.parseInt(place, 16), 'hex')
  }
  return rom
}
