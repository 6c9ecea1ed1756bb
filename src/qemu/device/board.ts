// What a board has by itself.

/** `q35` has SATA and PCI Express, `pc` IDE and PCI; of others nothing is said here. */
export function boardOf(machineType: string): 'q35' | 'pc' | 'other' {
  if (machineType.includes('q35')) return 'q35'
  return /^pc(?:-i440fx-.*|-\d.*)?$/.test(machineType) ? 'pc' : 'other'
}

// QEMU's -cdrom sits on the third port (SATA) or the second channel's first place (IDE): that place is filled last.
const ahciPorts = [0, 1, 3, 4, 5, 2].map((port) => ({ bus: `ide.${port}` }))
const idePorts = [0, 1, 3, 2].map((place) => ({ bus: `ide.${place >> 1}`, unit: place & 1 }))

/** The places for disks and discs, in the order in which they are filled: six SATA ports, or two IDE channels of two drives. */
export function places(machineType: string): readonly object[] {
  return boardOf(machineType) === 'q35' ? ahciPorts : idePorts
}
