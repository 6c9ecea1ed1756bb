/**
 * A guest of one sector: it writes itself to the second sector of the disk that it was booted from, tells isa-debug-exit, if
 * QEMU has it, 0 or, when that failed, 255, and halts.
 */
export const bootSector = Buffer.alloc(512)

Buffer.from(
  [
    '31c0 8ed8 8ec0', // xor ax,ax; mov ds,ax; mov es,ax
    'bb007c', //         mov bx,0x7c00: where the BIOS loaded it
    'b80103', //         mov ax,0x0301: write one sector
    'b90200 b600', //    mov cx,2; mov dh,0: cylinder 0, sector 2, head 0; dl is the boot disk
    'cd13', //           int 0x13
    '18c0', //           sbb al,al: 0, or 255 when carry says that it failed
    'ba0105 ee', //      mov dx,0x501; out dx,al: isa-debug-exit
    'f4 ebfd', //        hlt; jmp back
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
).copy(bootSector)
bootSector.writeUInt16LE(0xaa55, 510)

/** Where `countingSector` counts: the second sector of its disk, a number of four bytes and what it complains of, a byte. */
export const countedAt = 512

/**
 * A guest of one sector that knows when its RAM and its disk are not of one moment: it counts in RAM and in the second sector of its disk,
 * twice a second, and before each step it reads whether both are the same. A byte behind the number says how often they were not.
 */
export const countingSector = counting('')

/** The same, which does not mind what was counted before it was booted: it begins with its first step. */
export const countingAnew = counting('eb1c') // jmp over the read and what follows it, to the step

function counting(first: string): Buffer {
  const sector = Buffer.alloc(512)
  Buffer.from(
    [
      '31c0 8ed8 8ec0 8ed0 bc007c', // xor ax,ax; mov ds,ax; mov es,ax; mov ss,ax; mov sp,0x7c00
      '66c706008000000000', //         mov dword [0x8000],0: the number in RAM
      '66c706048000000000', //         mov dword [0x8004],0: no complaints
      first,
      'bb0082 b80102 b90200 b600 cd13', // read the second sector of the boot disk, dl, to 0x8200
      '66a10082 663b060080', //        mov eax,[0x8200]; cmp eax,[0x8000]
      '7404 fe060480', //              je over; inc byte [0x8004]
      '66ff060080', //                 inc dword [0x8000]
      'bb0080 b80103 b90200 b600 cd13', // write the second sector from 0x8000
      'fb b90900 f4 e2fd', //          sti; mov cx,9; hlt; loop: nine ticks of the clock
      'ebc9', //                       jmp to the read
    ]
      .join('')
      .replaceAll(' ', ''),
    'hex',
  ).copy(sector)
  sector.writeUInt16LE(0xaa55, 510)
  return sector
}
