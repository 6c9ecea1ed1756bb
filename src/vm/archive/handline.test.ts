import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { splitWords } from '../../core/words.js'
import { nextStart, socketsOf } from './handline.js'
import { splitOptions } from './qemuoptions.js'

const sockets = (line: string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(socketsOf(splitOptions(splitWords(line)))).filter(([, at]) => at !== undefined)) as Record<
    string,
    string
  >

test('sockets are found however they are written, and only those that QEMU serves', () => {
  assert.deepEqual(sockets('-qmp unix:q,server=on,wait=off -serial mon:unix:/s,server,nowait -vnc unix:/v,share=ignore'), {
    qmp: 'q',
    console: '/s',
    vnc: '/v',
  })
  assert.deepEqual(
    sockets(
      `-mon chardev=m -mon chardev=q,mode=control -chardev socket,id=q,path=/q,,1,server=on,wait=off
       -chardev socket,server=on,path=/m,id=m -chardev socket,id=a,path=/a,server=on -display vnc=unix:/v
       -device {"driver":"virtserialport","chardev":"a","name":"org.qemu.guest_agent.0"}
       -chardev socket,id=s,path=/s,server=on -device isa-serial,chardev=s`.replaceAll('"', '\\"'),
    ),
    { qmp: '/q,1', monitor: '/m', agent: '/a', agentName: 'a', console: '/s', vnc: '/v' },
  )
  assert.deepEqual(sockets('-qmp tcp:localhost:4444,server=on -monitor stdio -serial unix:/client -serial null -vnc :1'), {})
})

const next = (line: string) =>
  nextStart('qemu-system-x86_64', splitOptions(splitWords(line)), (file) => path.resolve('/here', file))

test('disks stay the files that they are, opened as the line says', () => {
  const { settings, leftOut } = next(
    `-m 2G -smp 2 -hda a.img -drive file=b,,c.qcow2,if=virtio,readonly=on,cache=none -snapshot -drive file=nbd://x/y,if=virtio
     -blockdev driver=qcow2,node-name=n,file.driver=file,file.filename=d.qcow2 -device virtio-blk-pci,drive=n -cdrom /x.iso
     -kernel k -append "root=/dev/vda $x" -qmp unix:q,server=on -S -vnc unix:v -device vfio-pci,host=01:00.0
     -uuid 6E0D2B36-1111-2222-3333-444455556666 -nic user,hostfwd=tcp:127.0.0.1:2222-:22`,
  )
  const below = 'driver=qcow2,node-name=n,file.driver=file,file.filename=/here/d.qcow2'
  const drives = [
    '-hda /here/a.img -drive file=/here/b,,c.qcow2,if=virtio,readonly=on,cache=none -snapshot -drive file=nbd://x/y,if=virtio',
    `-blockdev ${below} -device virtio-blk-pci,drive=n -cdrom /x.iso`,
  ]
  assert.equal(settings.drives, drives.join(' '))
  assert.deepEqual(splitWords(settings.args ?? ''), ['-kernel', '/here/k', '-append', 'root=/dev/vda $x'])
  assert.equal(settings.mem, '2048M')
  assert.equal(settings.forward, '2222:22')
  assert.deepEqual(leftOut, ['-device vfio-pci,host=01:00.0'])
  assert.equal(next('-nodefaults').settings.drives, 'none')
})

test('JSON keeps its other members, and what is no JSON stays as it is', () => {
  const json = '{"driver":"file","filename":"x.img","node-name":"n","auto-read-only":true}'
  const quoted = "{'driver':'file','filename':'x'}"
  const options = [json, quoted].map((value) => ({ option: '-blockdev', value }))
  const { settings } = nextStart('qemu-system-x86_64', options, (file) => path.resolve('/here', file))
  assert.deepEqual(splitWords(settings.drives ?? ''), ['-blockdev', json.replace('x.img', '/here/x.img'), '-blockdev', quoted])
})
