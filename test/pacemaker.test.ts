import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { until } from './cli.js'
import { makeCluster, whyNoCluster, type ClusterNode } from './support/cluster.js'
import { counted, counterOptions } from './support/counter.js'

const vms = ['web1', 'web2']

function resources(): string {
  const nv = (id: string, pairs: Record<string, string>) =>
    Object.entries(pairs)
      .map(([n, v]) => `<nvpair id="${id}-${n}" name="${n}" value="${v}"/>`)
      .join('')
  const op = (id: string, name: string, timeout: string, interval = '0') =>
    `<op id="${id}-${name}-${interval}" name="${name}" timeout="${timeout}" interval="${interval}"/>`
  const vm = (
    id: string,
  ) => `<primitive id="${id}" class="ocf" provider="nbsvm" type="vm"><instance_attributes id="${id}-i">${nv(`${id}-i`, { vm: id })}</instance_attributes>
<meta_attributes id="${id}-m">${nv(`${id}-m`, { 'allow-migrate': 'true' })}</meta_attributes>
<operations>${op(id, 'start', '60s')}${op(id, 'stop', '30s')}${op(id, 'monitor', '30s', '2s')}${op(id, 'migrate_to', '60s')}${op(id, 'migrate_from', '60s')}</operations></primitive>`
  return `<resources><primitive id="fence" class="stonith" type="fence_test"><instance_attributes id="f-i">${nv('f-i', { pcmk_host_list: 'node1 node2 node3' })}</instance_attributes></primitive>${vms.map(vm).join('')}</resources>
<constraints><rsc_location id="l1" rsc="web1" node="node1" score="50"/><rsc_location id="l2" rsc="web2" node="node2" score="50"/></constraints>`
}

test('cluster', { skip: whyNoCluster }, async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nbsvm-test-pacemaker-'))
  fs.chmodSync(folder, 0o755)
  const t0 = Date.now()
  const say = (...words: unknown[]) => console.log(Date.now() - t0, ...words)
  fs.mkdirSync(`${folder}/shared`)
  fs.mkdirSync(`${folder}/fence`)
  fs.writeFileSync(
    `${folder}/fence_test`,
    `#!/bin/sh
while IFS='=' read -r name value; do case $name in action) action=$value;; plug|port) plug=$value;; esac; done
case $action in
metadata) echo '<?xml version="1.0"?><resource-agent name="fence_test"><parameters><parameter name="plug"><content type="string"/></parameter></parameters><actions><action name="off"/><action name="monitor"/><action name="metadata"/></actions></resource-agent>';;
off) touch ${folder}/fence/$plug; for i in $(seq 100); do [ ! -e ${folder}/fence/$plug.done ] || exit 0; sleep 0.1; done; exit 1;;
esac
`,
    { mode: 0o755 },
  )
  const words = counterOptions(folder)
    .map((w) => `'${w}'`)
    .join(' ')
  const cluster = await makeCluster({
    folder,
    resources: resources(),
    files: {
      '/etc/nbsvm/default.class': `accel=tcg\nmem=96\nnetwork=none\nargs=(${words})\n`,
    },
    prepare: `mkdir -p /var/lib/nbsvm/drives /usr/lib/ocf/resource.d/nbsvm
mount --bind ${folder}/shared /var/lib/nbsvm/drives
ln -s ${path.resolve('pacemaker/vm')} /usr/lib/ocf/resource.d/nbsvm/vm
ln -s ${folder}/fence_test /usr/sbin/fence_test
`,
  })
  after(() => console.log(folder))
  say('up')
  const [one] = cluster.nodes as [ClusterNode]
  for (const vm of vms) {
    const { status, stderr } = await one.run('nbsvm', [vm, 'drive_size=16M', 'newimg'])
    assert.equal(status, 0, stderr)
  }
  for (const { varLib } of cluster.nodes.slice(1))
    fs.cpSync(path.join(one.varLib, 'nbsvm/vms'), path.join(varLib, 'nbsvm/vms'), { recursive: true })
  const shown = async (node: ClusterNode) => {
    const { stdout, stderr } = await node.run('crm_mon', ['-1'])
    const text = (stdout + stderr).replace(/^[^]*?Node List/, 'Node List')
    if (text !== last) say(text)
    last = text
    return text
  }
  let last = ''
  await until('vms', 40_000, async () => /web1.*Started node1[^]*web2.*Started node2/.test(await shown(one)))
  const log = (node: ClusterNode, vm: string) =>
    counted(
      fs.existsSync(`${node.varLib}/nbsvm/${vm}/console.log`)
        ? fs.readFileSync(`${node.varLib}/nbsvm/${vm}/console.log`, 'utf8')
        : '',
    )
  const [n1, n2] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode]
  await until('acks', 40_000, () => (log(n1, 'web1').acknowledged ?? 0) > 20 && (log(n2, 'web2').acknowledged ?? 0) > 20)
  say('acks', log(n1, 'web1'), log(n2, 'web2'))
  n1.kill()
  const t1 = Date.now()
  setTimeout(() => fs.writeFileSync(`${folder}/fence/node1.done`, ''), 100)
  await until('failover', 40_000, async () => /web1.*Started node[23]/.test(await shown(n2)))
  say('failover', Date.now() - t1)
  const where = cluster.nodes.find((n) => n !== n1 && new RegExp(`web1.*Started ${n.name}`).test(last))!
  await until('acks', 40_000, () => (log(where, 'web1').acknowledged ?? 0) > 0)
  say('acks', Date.now() - t1, log(n1, 'web1'), log(where, 'web1'))
})
