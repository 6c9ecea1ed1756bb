import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '../core/errors.js'
import { findQemu, installLine } from './host.js'

test('how QEMU is installed, by distribution', () => {
  const table: readonly (readonly [release: string, line: string])[] = [
    ['PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_ID="12"\nID=debian\n', 'sudo apt install qemu-system-x86 qemu-utils'],
    ['ID=ubuntu\nID_LIKE=debian\n', 'sudo apt install qemu-system-x86 qemu-utils'],
    ['NAME="Fedora Linux"\nID=fedora\n', 'sudo dnf install qemu-system-x86-core qemu-img'],
    ['ID="rocky"\nID_LIKE="rhel centos"\n', 'sudo dnf install qemu-kvm qemu-img'],
    ['ID=manjaro\nID_LIKE=arch\n', 'sudo pacman -S qemu-base'],
    ['ID=alpine\n', 'sudo apk add qemu-system-x86_64 qemu-img util-linux'],
    ['ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', 'sudo zypper install qemu-x86 qemu-tools'],
    ['ID=starch\n', 'sudo apt install qemu-system-x86 qemu-utils'],
    ['', 'sudo apt install qemu-system-x86 qemu-utils'],
  ]
  for (const [release, line] of table) assert.equal(installLine(release), line)
})

test('a QEMU that is not there is named, with what installs it', () => {
  assert.throws(
    () => findQemu('qemu-system-pdp11'),
    (error) => {
      assert.ok(error instanceof Failure)
      assert.equal(error.message, 'there is no qemu-system-pdp11 on this machine')
      assert.match(error.hints[0] ?? '', /^install QEMU: sudo \S+ /)
      return true
    },
  )
})
