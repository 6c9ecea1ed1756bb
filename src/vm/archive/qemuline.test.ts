import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readQemuLine } from './qemuline.js'

it('makes settings, disks and ports of a line', () => {
  const { settings, disks, leftOut } = readQemuLine(
    `sudo qemu-system-x86_64 -enable-kvm -machine q35,usb=off -m 2G -smp 4,sockets=1 -cpu Skylake-Client,+x2apic \\
     -drive file=a.qcow2,if=virtio,format=qcow2 -drive "file=my disk,,1.raw,if=virtio,format=raw,cache=none" -cdrom x.iso \\
     -netdev user,id=n,hostfwd=tcp::8080-:80,hostfwd=udp:127.0.0.1:53-10.0.2.15:5353 -device virtio-net-pci,netdev=n,mac=52:54:00:12:34:56 \\
     -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd -drive if=pflash,file=my_VARS.fd \\
     -vga virtio -display gtk -rtc base=localtime -device vfio-pci,host=01:00.0 -object rng-random,id=r,filename=/dev/random`,
  )
  assert.deepEqual(settings, {
    mem: '2048M',
    arch: 'x86_64',
    machine: 'q35',
    accel: 'kvm',
    smp: '4',
    cpu: 'Skylake-Client,+x2apic',
    drive_if: 'virtio',
    net_if: 'virtio-net-pci',
    mac: '52:54:00:12:34:56',
    firmware: 'uefi',
    args: '-vga virtio',
    rtc: 'localtime',
    forward: '8080:80 53:5353/udp',
    cdrom: 'x.iso',
  })
  assert.deepEqual(disks, [
    { file: 'a.qcow2', format: 'qcow2' },
    { file: 'my disk,1.raw', format: 'raw' },
  ])
  const all = leftOut.join('\n')
  for (const words of [/usb=off/, /my_VARS\.fd/, /-display gtk/, /vfio-pci/, /rng-random/, /127\.0\.0\.1/])
    assert.match(all, words)
})

it('has what QEMU has where the line says nothing', () => {
  const { settings, disks } = readQemuLine('qemu-system-x86_64 disk.img')
  assert.deepEqual(settings, { mem: '128M', arch: 'x86_64', machine: 'pc', drive_if: 'ide', net_if: 'e1000' })
  assert.deepEqual(disks, [{ file: 'disk.img', format: undefined }])
  assert.equal(readQemuLine('qemu-system-aarch64 -M virt -nic none').settings.network, 'none')
})

it('follows nodes, and no chain that a line spells out', () => {
  const line = `qemu-system-x86_64 -blockdev driver=file,node-name=f,filename=/x.qcow2 -blockdev driver=qcow2,node-name=d,file=f -device virtio-blk-pci,drive=d
    -blockdev '{"driver":"qcow2","node-name":"e","file":{"driver":"file","filename":"/y"},"backing":"d"}' -device virtio-blk-pci,drive=e -drive file=json:{}`
  const { disks, leftOut } = readQemuLine(line)
  assert.deepEqual(disks, [{ file: '/x.qcow2', format: 'qcow2' }])
  assert.equal(leftOut.length, 3)
})

it('refuses what is none, and what a shell would have to expand', () => {
  assert.throws(() => readQemuLine('rm -rf /'), /not a command line of QEMU/)
  assert.throws(() => readQemuLine('echo x; qemu-system-x86_64'), /not a command line of QEMU/)
  assert.throws(() => readQemuLine('qemu-system-x86_64 -hda $(reboot)'), /nothing in the line is expanded/)
  assert.throws(() => readQemuLine("qemu-system-x86_64 -hda 'x"), /unclosed/)
})
