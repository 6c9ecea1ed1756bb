import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { filesForQemu, keyIn } from './rbdconf.js'
import { clusterOf } from './rbdstore.js'

const key = 'AQAn/whr+JMqGRAApkBM13z3wW80inpqZ8lCsA=='

test('the key of one user in a keyring, and of no other', () => {
  const keyring = `[client.admin]\n\tkey = ${key.replace('AQ', 'BB')}\n\tcaps mon = "allow *"\n[client.nbsvm]\n\tcaps mon = "profile rbd"\n\tkey=${key}\n`
  assert.equal(keyIn(keyring, 'nbsvm'), key)
  assert.equal(keyIn(keyring, 'admin'), key.replace('AQ', 'BB'))
  assert.equal(keyIn(keyring, 'other'), undefined)
  assert.equal(keyIn('[client.nbsvm]\nkey = $(id)\n', 'nbsvm'), undefined)
})

test("QEMU's configuration is the machine's, with that one key; what is missing is said", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-conf-'))
  try {
    const conf = path.join(folder, 'ceph.conf')
    fs.writeFileSync(conf, '[global]\nmon host = 10.0.0.1\n')
    fs.writeFileSync(path.join(folder, 'keyring'), `[client.nbsvm]\nkey = ${key}\n`)
    const cluster = {
      ...clusterOf({ pool: 'vms', conf }),
      run: () => Promise.resolve({ status: 0, stdout: `${folder}/none,${folder}/keyring\n`, stderr: '' }),
    }
    const [file = assert.fail()] = await filesForQemu(cluster)
    assert.equal(file.name, 'ceph.conf')
    assert.match(file.text, /^\[global\]\nmon host = 10\.0\.0\.1\n\n\[client\.nbsvm\]\n/)
    assert.ok(file.text.endsWith(`\nkey = ${key}\n`))
    assert.ok(!file.making.includes(key), 'what is shown holds no secret')
    await assert.rejects(
      filesForQemu({ ...cluster, conf: `${folder}/none` }),
      /there is no .*none, which says where Ceph's monitors are/,
    )
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})
