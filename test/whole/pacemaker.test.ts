// Three nodes of a real Pacemaker run two VMs with drives in a real Ceph: they move one as it runs, lose a node, take it back, and are cut in
// two. The guests count, and say what they have written.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { quoteWords } from '../../src/core/words.js'
import { until } from '../cli.js'
import { makeCeph, pool, whyNoCeph } from '../support/ceph.js'
import type { Resource } from '../support/cib.js'
import { clusterFolder, makeCluster, makeHub, whyNoCluster, type Cluster, type ClusterNode } from '../support/cluster.js'
import { addressOf } from '../support/clusterfiles.js'
import { counted, counterOptions, type Counted } from '../support/counter.js'

const operations = {
  start: { timeout: '120s' },
  stop: { timeout: '60s' },
  monitor: { timeout: '60s', interval: '2s' },
  migrate_to: { timeout: '120s' },
  migrate_from: { timeout: '60s' },
}

const fencing: Resource = {
  id: 'fencing',
  agent: 'stonith:fence_nbsvm_rbd',
  parameters: {
    ceph_user: 'fence',
    pcmk_host_map: [1, 2, 3]
      .map(addressOf)
      .map(({ name, storage }) => `${name}:${storage}`)
      .join(';'),
  },
  meta: { provides: 'unfencing' },
}

function virtualMachine(vm: string, prefers: string): Resource {
  const meta = { 'allow-migrate': 'true', 'resource-stickiness': '100', 'target-role': 'Stopped' }
  return { id: vm, agent: 'ocf:nbsvm:vm', parameters: { vm, settings: 'mem=96' }, meta, operations, prefers }
}

test('a cluster of three nodes', { skip: whyNoCluster || whyNoCeph, timeout: 1_200_000 }, async (t) => {
  const hub = await makeHub()
  const ceph = makeCeph('memstore', hub.storage)
  await ceph.up()
  const caps = ['mon', 'allow r, allow command "osd blocklist"']
  ceph.admin('ceph', 'auth', 'get-or-create', 'client.fence', ...caps, '-o', path.join(ceph.folder, 'ceph.client.fence.keyring'))
  const folder = clusterFolder()
  const cluster = await makeCluster({
    folder,
    hub,
    resources: [fencing, virtualMachine('web1', 'node1'), virtualMachine('web2', 'node2')],
    files: {
      '/etc/ceph/ceph.conf': fs.readFileSync(ceph.conf, 'utf8'),
      '/etc/nbsvm/default.class': [
        'accel=tcg network=none movable=yes',
        `store=rbd pool=${pool}`,
        `args=(${quoteWords(counterOptions(folder))})`,
        '',
      ].join('\n'),
    },
    programs: ceph.env['PATH']?.split(':')[0] ?? '',
    prepare: 'nbsvm pacemaker install',
  })
  const [one, two, three] = cluster.nodes as readonly [ClusterNode, ClusterNode, ClusterNode]

  // What comes after a step counts on it.
  let isWhole = true
  const step = async (name: string, run: () => Promise<void>): Promise<void> => {
    const perform = async (): Promise<void> => {
      isWhole = false
      await run().catch(async (cause: unknown) => {
        throw new Error(`${String(cause)}\n${await account(cluster.nodes)}`, { cause })
      })
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
    for (const vm of ['web1', 'web2']) await ask(one, 'nbsvm', vm, 'drive_size=16M', 'newimg')
    for (const node of ['node2', 'node3']) {
      await ask(one, 'sh', '-c', `for vm in web1 web2; do nbsvm $vm send | ssh ${node} nbsvm $vm receive || exit; done`)
    }
    for (const vm of ['web1', 'web2'])
      await ask(one, 'crm_resource', '--resource', vm, '--meta', '--delete-parameter', 'target-role')
    await until(
      'both VMs',
      400_000,
      async () => (await whereIs(three, 'web1')) === 'node1' && (await whereIs(three, 'web2')) === 'node2',
    )
    await until('both guests', 400_000, () => said(one, 'web1') > 20 && said(two, 'web2') > 20)
  })

  await step('one is moved as it runs, and back: its guest goes on, and nobody else can start it', async () => {
    for (const [from, to] of [
      [one, three],
      [three, one],
    ] as const) {
      const began = Date.now()
      await ask(two, 'crm_resource', '--resource', 'web1', '--move', '--node', to.name)
      await until(`web1 on ${to.name}`, 400_000, async () => (await whereIs(two, 'web1')) === to.name)
      const stoodStill = /.*stood still for (\d+) ms/s.exec(
        (await from.run('cat', '/var/log/pacemaker/pacemaker.log')).stdout,
      )?.[1]
      assert.ok(stoodStill !== undefined, 'nobody says how long the guest stood still')
      t.diagnostic(`move: ${Date.now() - began} ms, in which the guest stood still for ${stoodStill} ms`)
      await ask(two, 'crm_resource', '--resource', 'web1', '--clear')
      // Until its record is seen to be off where it was.
      await ask(two, 'crm_resource', '--wait')
      const last = said(from, 'web1')
      await until('its guest', 400_000, () => said(to, 'web1') > last)
      assert.equal(log(to, 'web1').resumed, undefined, 'it has not booted again')
      // Whoever took it in writes that down when the move has come to its end.
      await until('it to be known where it runs', 60_000, async () => {
        const { status, stderr } = await from.run('nbsvm', 'web1', 'mem=96', 'start')
        assert.equal(status, 1)
        assert.match(stderr, /nbsvm-web1-0 is in use by client/)
        return stderr.includes(`which runs web1 on ${to.name} since`)
      })
    }
  })

  await step('a node is lost: it is fenced, its VM goes on elsewhere, and nothing that was acknowledged is missing', async () => {
    const began = Date.now()
    await one.kill()
    const there = await failover(cluster, 'web1', [two, three])
    t.diagnostic(`failover: ${Date.now() - began} ms`)
    noneIsLost(log(one, 'web1'), log(there, 'web1'))
  })

  await step('the node comes back, and takes part', async () => {
    await one.boot()
    await until('node1', 120_000, async () => /Online: \[.* ?node1 /.test(await shown(three)))
    // It is admitted to Ceph again, perhaps by the very node that is cut off next, whose answer would be waited for for 72 s.
    await ask(three, 'crm_resource', '--wait')
    assert.notEqual(await whereIs(three, 'web1'), 'node1')
  })

  await step(
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

/** Runs a program on a node, which must end with 0. */
async function ask(node: ClusterNode, ...command: readonly string[]): Promise<void> {
  const { status, stderr } = await node.run(...command)
  assert.equal(status, 0, `${command.join(' ')}: ${stderr}`)
}

/** What the nodes that are there say of the cluster, of whom they fenced, and of the VMs. */
async function account(nodes: readonly ClusterNode[]): Promise<string> {
  const look = "crm_mon -1 -f -m2; grep -E 'fenc|stonith|web[12]|nbsvm' /var/log/pacemaker/pacemaker.log | tail -n 80"
  const told = nodes.map(async (node) => {
    try {
      return `${node.name}:\n${(await node.run('sh', '-c', look)).stdout}`
    } catch {
      return `${node.name} is not there`
    }
  })
  return (await Promise.all(told)).join('\n')
}

async function shown(node: ClusterNode): Promise<string> {
  return (await node.run('crm_mon', '-1')).stdout
}

/** The node on which Pacemaker says that a VM runs, where it says nothing else of it. */
async function whereIs(asked: ClusterNode, vm: string): Promise<string | undefined> {
  return new RegExp(`\\* ${vm}\\s.*:\\s+Started (node\\d)$`, 'm').exec(await shown(asked))?.[1]
}
