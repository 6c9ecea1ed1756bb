import assert from 'node:assert/strict'
import { test } from 'node:test'
import { installLine } from './install.js'

test('how QEMU is installed, by distribution', () => {
  const table: readonly (readonly [release: string, line: string])[] = [
    ['PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_ID="12"\nID=debian\n', 'sudo apt install qemu-system-x86 qemu-utils'],
    ['ID=ubuntu\nID_LIKE=debian\n', 'sudo apt install qemu-system-x86 qemu-utils'],
    ['NAME="Fedora Linux"\nID=fedora\n', 'sudo dnf install qemu-system-x86-core qemu-img'],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'sudo dnf install qemu-kvm qemu-img'],
    ['ID="rhel"\nID_LIKE="fedora"\n', 'sudo dnf install qemu-kvm qemu-img'],
    ['ID=manjaro\nID_LIKE=arch\n', 'sudo pacman -S qemu-base'],
    ['ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', 'sudo zypper install qemu-x86 qemu-tools'],
    // Not like Arch, and nothing that is not known gets another's line.
    ['ID=starch\n', 'with your package manager, the package that has qemu-system-x86_64 and qemu-img'],
    ['', 'with your package manager, the package that has qemu-system-x86_64 and qemu-img'],
  ]
  for (const [release, line] of table) assert.equal(installLine(release, 'qemu'), line)
})

test('other programs: by their own name where the package has it', () => {
  assert.equal(installLine('ID=ubuntu\nID_LIKE=debian\n', 'vncviewer'), 'sudo apt install tigervnc-viewer')
  assert.equal(installLine('ID=fedora\n', 'passt'), 'sudo dnf install passt')
  assert.equal(installLine('ID="almalinux"\nID_LIKE="rhel centos fedora"\n', 'ip'), 'sudo dnf install iproute')
  assert.equal(installLine('ID=arch\n', 'lvm'), 'sudo pacman -S lvm2')
  assert.equal(installLine('ID=alpine\n', 'passt'), 'with your package manager, the package that has passt')
})

test('firmware, and QEMUs of other processors', () => {
  assert.equal(installLine('ID=debian\n', 'uefi-x86_64'), 'sudo apt install ovmf')
  assert.equal(installLine('ID=debian\n', 'qemu-aarch64'), 'sudo apt install qemu-system-arm')
  assert.equal(installLine('ID=fedora\n', 'uefi-aarch64'), 'sudo dnf install edk2-aarch64')
  assert.equal(installLine('ID=arch\n', 'swtpm'), 'sudo pacman -S swtpm')
  assert.equal(installLine('', 'uefi-x86_64'), "with your package manager, the package that has OVMF, QEMU's UEFI firmware")
})
