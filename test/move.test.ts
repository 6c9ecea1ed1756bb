// VMs that go from one machine to another, through a real sshd: as they are, and as they run.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { guestKernel, type Home, type Result } from './cli.js'
import { guestPrompt, Serial } from './guest.js'
import { makeMachines, whyNoMachine } from './support/machines.js'

describe('a VM moves', { skip: whyNoMachine }, () => {
  const { home, of } = makeMachines('box2')
  const box2 = of('box2')

  const idsOf = async ({ nbsvm }: Home): Promise<string[]> =>
    (JSON.parse((await nbsvm(['ls', '--json'])).stdout) as { id: string }[]).map(({ id }) => id)
  const done = async (result: Promise<Result>): Promise<string> => {
    const { status, stdout, stderr } = await result
    assert.equal(status, 0, stderr + stdout)
    return stdout + stderr
  }
  const drive = ({ folder }: Home, name: string): string => path.join(folder, `drives/nbsvm-${name}.qcow2`)
  const io = (file: string, ...commands: string[]): string =>
    execFileSync('qemu-io', ['-f', 'qcow2', ...commands.flatMap((one) => ['-c', one]), file], { encoding: 'utf8' })
  const recordOf = ({ folder }: Home, id: string): object =>
    JSON.parse(fs.readFileSync(path.join(folder, `vms/${id}/machine.json`), 'utf8')) as object

  it('as it is where it is off: drives, record, settings', async () => {
    await done(home.nbsvm(['gold', 'drive_size=64M', 'newimg']))
    io(drive(home, 'gold-0'), 'write -P 7 1M 3M')
    await done(home.nbsvm(['off', 'snapshot']))
    await done(home.nbsvm(['off', 'drive_size=5M', 'newimg']))
    io(drive(home, 'off-0'), 'write -P 9 2M 64k', 'write -P 8 63M 1M')
    io(drive(home, 'off-1'), 'write -P 5 0 4k')
    fs.mkdirSync(path.join(home.folder, 'config'), { recursive: true })
    fs.writeFileSync(path.join(home.folder, 'config/off.vm'), 'mem=300\n')
    const before = recordOf(home, 'off')
    const said = await done(home.nbsvm(['off', 'smp=2', 'move', 'box2']))
    console.log(said)
    assert.deepEqual([await idsOf(home), await idsOf(box2)], [['gold'], ['off']])
    assert.deepEqual(recordOf(box2, 'off'), before)
    io(drive(box2, 'off-0'), 'read -P 7 1M 1M', 'read -P 9 2M 64k', 'read -P 8 63M 1M', 'read -P 0 0 1M')
    console.log(io(drive(box2, 'off-0'), 'read -P 7 1M 1M', 'read -P 9 2M 64k', 'read -P 8 63M 1M', 'read -P 0 0 1M'))
    io(drive(box2, 'off-1'), 'read -P 5 0 4k')
    assert.equal(fs.readFileSync(path.join(box2.folder, 'config/off.vm'), 'utf8'), 'mem=300\nsmp=2\n')
    console.log(
      fs.readdirSync(path.join(home.folder, 'config')),
      fs.readdirSync(path.join(home.folder, 'vms/.moves')),
      fs.readdirSync(path.join(box2.folder, 'vms/.moves')),
    )
    console.log(await home.nbsvm(['off', 'move', 'box2']), await home.nbsvm(['nosuch', 'move', 'box2']))
  })

  it('as it runs', async () => {
    await done(home.nbsvm(['live', 'drive_size=64M', 'newimg']))
    await done(home.nbsvm(['live', 'mem=256', 'network= ', 'movable=yes', 'start', ...guestKernel]))
    const serial = await Serial.open(path.join(home.folder, 'state/live/run/console.sock'))
    await serial.waitFor(guestPrompt)
    serial.send(
      'i=0; while :; do i=$((i+1)); echo $i | dd of=/dev/vda bs=512 seek=9 conv=fsync 2>/dev/null; echo "<$i>"; sleep 0.1; done\n',
    )
    await serial.waitFor(/<10>/)
    const moved = await home.nbsvm(['live', 'move', 'box2'])
    console.log(moved)
    console.log((await home.nbsvm(['ls'])).stdout, (await box2.nbsvm(['ls'])).stdout)
    const there = await Serial.open(path.join(box2.folder, 'state/live/run/console.sock'))
    await there.waitFor(/<\d+>/)
    console.log(there.text.slice(-200), serial.text.slice(-100))
  })
})
