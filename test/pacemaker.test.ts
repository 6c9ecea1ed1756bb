// Three nodes of a real Pacemaker run two VMs, lose a node, take it back, and are cut in two. The guests count, and say what they have written.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { until } from './cli.js'
import type { Resource } from './support/cib.js'
import { clusterFolder, makeCluster, whyNoCluster, type Cluster, type ClusterNode } from './support/cluster.js'
import { counted, counterOptions, type Counted } from './support/counter.js'

const operations = {
  start: { timeout: '120s' },
  stop: { timeout: '60s' },
  monitor: { timeout: '60s', interval: '2s' },
  migrate_to: { timeout: '120s' },
  migrate_from: { timeout: '60s' },
}

function virtualMachine(vm: string, prefers: string): Resource {
  const meta = { 'allow-migrate': 'true', 'resource-stickiness': '100' }
  return { id: vm, agent: 'ocf:nbsvm:vm', parameters: { vm, settings: 'mem=96' }, meta, operations, prefers }
}

test('a cluster of three nodes', { skip: whyNoCluster, timeout: 600_000 }, async (t) => {
  const folder = clusterFolder()
  const fencing = serveFencing(folder)
  const cluster = await makeCluster({
    folder,
    resources: [
      { id: 'fencing', agent: 'stonith:fence_test', parameters: { pcmk_host_list: 'node1 node2 node3' } },
      virtualMachine('web1', 'node1'),
      virtualMachine('web2', 'node2'),
    ],
    files: {
      '/etc/nbsvm/default.class': `accel=tcg\nnetwork=none\nargs=(${counterOptions(folder)
        .map((word) => `'${word}'`)
        .join(' ')})\n`,
    },
    prepare: `mkdir -p ${folder}/drives /var/lib/nbsvm/drives
mount --bind ${folder}/drives /var/lib/nbsvm/drives
nbsvm pacemaker install
ln -s ${folder}/fence_test /usr/sbin/fence_test`,
  })
  fencing.kill = (name) => nodeOf(cluster, name).kill()
  const [one, two, three] = cluster.nodes as readonly [ClusterNode, ClusterNode, ClusterNode]

  // What comes after a step counts on it.
  let isWhole = true
  const step = async (name: string, run: () => Promise<void>): Promise<void> => {
    const perform = async (): Promise<void> => {
      isWhole = false
      await run()
      isWhole = true
    }
    await t.test(name, { skip: isWhole ? false : 'the step before it failed' }, perform)
  }

  await step('it has the agents that the package brings, and understands them', async () => {
    const { stdout } = await one.run('nbsvm', 'pacemaker', '--json')
    const agents = JSON.parse(stdout) as { name: string; state: string }[]
    for (const { name, state } of agents) {
      assert.equal(state, 'installed')
      const { status, stdout } = await one.run('crm_resource', '--show-metadata', name)
      assert.equal(status, 0, name)
      assert.match(stdout, /<longdesc/)
    }
  })

  await step('its VMs are started, each where it is preferred', async () => {
    for (const vm of ['web1', 'web2']) {
      const { status, stderr } = await one.run('nbsvm', vm, 'drive_size=16M', 'newimg')
      assert.equal(status, 0, stderr)
    }
    for (const { varLib } of [two, three]) fs.cpSync(`${one.varLib}/nbsvm/vms`, `${varLib}/nbsvm/vms`, { recursive: true })
    await until(
      'both VMs',
      120_000,
      async () => (await whereIs(three, 'web1')) === 'node1' && (await whereIs(three, 'web2')) === 'node2',
    )
    await until('both guests', 120_000, () => said(one, 'web1') > 20 && said(two, 'web2') > 20)
  })

  await t.test(
    'a node is lost: it is fenced, its VM goes on elsewhere, and nothing that was acknowledged is missing',
    async () => {
      const began = Date.now()
      await one.kill()
      const there = await failover(cluster, 'web1', [two, three])
      t.diagnostic(`failover: ${Date.now() - began} ms`)
      noneIsLost(log(one, 'web1'), log(there, 'web1'))
    },
  )

  await step('the node comes back, and takes part', async () => {
    await one.boot()
    await until('node1', 120_000, async () => /Online: \[.* ?node1 /.test(await shown(three)))
    assert.notEqual(await whereIs(three, 'web1'), 'node1')
  })

  await t.test(
    'a node is cut off from the others, and does not know it: it is fenced before its VM is started elsewhere',
    async () => {
      const began = Date.now()
      two.setRing('down')
      const there = await failover(cluster, 'web2', [one, three])
      t.diagnostic(`failover of what is cut off: ${Date.now() - began} ms`)
      noneIsLost(log(two, 'web2'), log(there, 'web2'))
    },
  )
})

/** Waits until the VM runs on one of these nodes and its guest counts; returns where. */
async function failover(cluster: Cluster, vm: string, nodes: readonly ClusterNode[]): Promise<ClusterNode> {
  const asked = nodes.at(-1) ?? assert.fail()
  let where: string | undefined
  await until(`${vm} elsewhere`, 120_000, async () => {
    where = await whereIs(asked, vm)
    return nodes.some(({ name }) => name === where)
  })
  const there = nodeOf(cluster, where ?? '')
  await until(`the guest of ${vm}`, 120_000, () => said(there, vm) > 0)
  return there
}

/** What the one before has said to be written is what the next one found, or that one had written one more and could not say it. */
function noneIsLost(before: Counted, after: Counted): void {
  const { acknowledged = 0 } = before
  const { resumed = -1 } = after
  assert.ok(resumed === acknowledged || resumed === acknowledged + 1, `it had said ${acknowledged}, and ${resumed} was found`)
}

const said = (node: ClusterNode, vm: string): number => log(node, vm).acknowledged ?? 0

function log({ varLib }: ClusterNode, vm: string): Counted {
  const file = path.join(varLib, `nbsvm/${vm}/console.log`)
  return counted(fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '')
}

function nodeOf({ nodes }: Cluster, name: string): ClusterNode {
  return nodes.find((node) => node.name === name) ?? assert.fail(`no node ${name}`)
}

async function shown(node: ClusterNode): Promise<string> {
  return (await node.run('crm_mon', '-1')).stdout
}

/** The node on which Pacemaker says that a VM runs, where it says nothing else of it. */
async function whereIs(asked: ClusterNode, vm: string): Promise<string | undefined> {
  return new RegExp(`\\* ${vm}\\s.*:\\s+Started (node\\d)$`, 'm').exec(await shown(asked))?.[1]
}

interface Fencing {
  /** Pulls a node's plug. */
  kill: ((name: string) => Promise<void>) | undefined
}

/** A fence agent that has the test pull a node's plug: it asks by a file, and waits for the answer. */
function serveFencing(folder: string): Fencing {
  const service: Fencing = { kill: undefined }
  const asked = path.join(folder, 'fence')
  fs.mkdirSync(asked)
  fs.writeFileSync(
    path.join(folder, 'fence_test'),
    `#!/bin/sh
while IFS='=' read -r name value; do eval "$name=\\$value"; done
case $action in
  metadata) cat <<END
<resource-agent name="fence_test"><parameters><parameter name="plug"><content type="string"/></parameter></parameters>
<actions><action name="off"/><action name="monitor"/><action name="metadata"/></actions></resource-agent>
END
  ;;
  off) >${asked}/$plug; while [ -e ${asked}/$plug ]; do sleep 0.1; done ;;
esac
`,
    { mode: 0o755 },
  )
  fs.watch(asked, async (_, name) => {
    const file = path.join(asked, name ?? '')
    if (name === null || !fs.existsSync(file)) return
    await service.kill?.(name)
    fs.rmSync(file, { force: true })
  }).unref()
  return service
}
