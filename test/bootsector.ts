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
