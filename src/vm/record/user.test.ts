import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { findPlace } from '../../host/place.js'
import { processesAs } from '../../sys/process.js'
import { claimDrawer, makeRun } from './drawer.js'
import { ensureRecord, readRecord } from './record.js'
import { claimUser, endSurvivors, refuseSurvivors, userOf } from './user.js'
import { openVm, type Vm } from './vm.js'

describe("the users of root's VMs", { skip: process.getuid?.() === 0 ? false : 'needs root' }, () => {
  const home = fs.mkdtempSync(path.join(tmpdir(), 'nbsvm-user-'))
  const place = findPlace({ NBSVM_HOME: home }, true, home)
  after(() => fs.rmSync(home, { recursive: true }))

  async function vmWithUser(name: string): Promise<Vm> {
    const vm = await openVm(name, { place, environment: {}, vmClass: undefined, line: {} })
    await ensureRecord(vm)
    await claimUser(vm)
    return vm
  }

  test('each has its own for good, also where many are made at once', async () => {
    const vms = await Promise.all(['a', 'b', 'c', 'd'].map(vmWithUser))
    const uids = vms.map((vm) => userOf(vm).uid)
    assert.equal(new Set(uids).size, 4)
    for (const [at, vm] of vms.entries()) {
      await claimUser(vm)
      assert.equal(readRecord(place, vm.id)?.uid, uids[at])
      assert.equal(userOf(vm).isOwn, true)
    }
  })

  test('what lives on without the lock is named, and ended', async (context) => {
    const vm = await vmWithUser('survivor')
    const { prefix, uid, gid } = userOf(vm)
    claimDrawer(vm.drawer)
    makeRun(vm.drawer, { uid, gid })
    await refuseSurvivors(vm, 'start survivor')
    assert.equal(await endSurvivors(vm), false)
    const child = spawn('env', [...prefix, 'sleep', '600'], { stdio: 'ignore' })
    context.after(() => child.kill('SIGKILL'))
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)))
    while (processesAs(uid).length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    await assert.rejects(
      refuseSurvivors(vm, 'start survivor'),
      new RegExp(`cannot start survivor: something still runs as its user, uid ${uid}, .*: pid ${child.pid}$`),
    )
    assert.equal(await endSurvivors(vm), true)
    // One that was not ended would keep this test from its end.
    setTimeout(() => child.kill('SIGTERM'), 2000).unref()
    assert.equal(await ended, 'SIGKILL')
    await refuseSurvivors(vm, 'start survivor')
  })
})
