// One list of many machines, some of whose owners say what they like. ssh is a stand-in: test/remote.test.ts has real ones.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { makeHome } from './cli.js'
import { listOf, makeFleet } from './support/fleet.js'

const vm = { id: 'web', name: 'web', state: 'running', pid: 1, sinceMs: 1, memBytes: 1, forwards: [], drives: [] }

/** What an owner may have put in the place of nbsvm, and what is said of the machine then. */
const liars: Readonly<Record<string, readonly [script: string, said: RegExp]>> = {
  hangs: ['exec sleep 20', /^nbsvm: hangs has not answered within 15 seconds$/m],
  // What it has started keeps the pipes open.
  lingers: ['sleep 20; :', /^nbsvm: lingers has not answered within 15 seconds$/m],
  drips: ['while echo "["; do sleep 1; done', /^nbsvm: drips has not answered within 15 seconds$/m],
  floods: [
    'truncate -s 100M "$0.flood"; exec cat "$0.flood"',
    /^nbsvm: no answer of floods can be read: ssh says more than 4M, and was ended$/m,
  ],
  garbage: ["printf '\\033]0;owned\\007{\\377'", /^nbsvm: garbage gives no list: it is not JSON$/m],
  nothing: ['exit 0', /^nbsvm: nothing gives no list: it is not JSON$/m],
  fails: ['echo "no such host box2" >&2; exit 3', /^fails: no such host box2\nnbsvm: fails gives no list: exit status 3$/m],
  complains: [
    `yes "$(printf 'x\\033[2Jx')" | head -c 900K >&2; echo '[]'`,
    /^(?:complains: x\?\[2Jx\n){20}complains: \.\.\. and more$/m,
  ],
  many: [`echo '[${'{},'.repeat(6000)}{}]'`, /^nbsvm: many gives no list: it names more than 5000 VMs$/m],
  ...liar('other', { id: 'h001:vm1' }, /\[0\]\.id is not the name of a VM/),
  ...liar('option', { id: '-oProxyCommand=x' }, /\[0\]\.id is not the name of a VM/),
  ...liar('escape', { id: 'a\u001B[2J' }, /\[0\]\.id is not the name of a VM/),
  ...liar('line', { name: 'a\nb' }, /\[0\]\.name is not a name/),
  ...liar('drive', { drives: ['/etc/shadow'] }, /\[0\]\.drives\[0\] is not the name of a drive/),
  ...liar('port', { forwards: [{ address: '*', hostPort: 0, guestPort: 1, protocol: 'tcp' }] }, /hostPort is not a port/),
  ...liar('address', { forwards: [{ address: '$(id)', hostPort: 1, guestPort: 1 }] }, /address is not an address/),
  ...liar('negative', { memBytes: -1 }, /memBytes is not a size/),
  twice: [`echo '${JSON.stringify([vm, vm])}'`, /^nbsvm: twice gives no list: it names a VM twice$/m],
}

function liar(name: string, lie: object, said: RegExp): Record<string, readonly [string, RegExp]> {
  const said2 = new RegExp(`^nbsvm: ${name} gives no list: its .*${said.source}$`, 'm')
  return { [name]: [`cat <<'END'\n${JSON.stringify([{ ...vm, ...lie }])}\nEND`, said2] }
}

describe('a list of many machines', () => {
  const home = makeHome()
  const fleet = makeFleet(home.folder)
  const env = { PATH: `${fleet.bin}:${home.env['PATH']}` }
  const list = path.join(home.folder, 'list.json')
  fs.writeFileSync(list, listOf(100))
  const good = Array.from({ length: 20 }, (_, at) => `h${String(at + 1).padStart(3, '0')}`)
  for (const name of good) fleet.machine(name, `cat '${list}'`)

  it('is in the order of the line, each VM with its machine; no more than eight are asked at once', async () => {
    const { status, stdout, stderr } = await home.nbsvm(['ls', '-c', 'vm', ...good.map((name) => `${name}:`), 'h001:'], { env })
    assert.deepEqual([status, stderr], [0, ''])
    const ids = good.flatMap((name) => Array.from({ length: 100 }, (_, at) => `${name}:vm${at}`))
    assert.deepEqual(stdout.trimEnd().split('\n').slice(1), ids)
    assert.ok(fleet.mostAtOnce() <= 8, `${fleet.mostAtOnce()} at once`)
  })

  it('one that hangs, floods or lies hides no other, and is told by its name', async () => {
    for (const [name, [script]] of Object.entries(liars)) fleet.machine(name, script)
    fleet.machine('faults', `echo '${JSON.stringify([{ ...vm, fault: 'x'.repeat(5000), sinceMs: 1e15, state: 'new' }])}'`)
    fleet.machine('mute', 'exit 0', 'exec sleep 20')
    const hosts = ['mute', ...Object.keys(liars), ...good, 'faults', 'nowhere'].map((name) => `${name}:`)
    const begin = Date.now()
    const { status, stdout, stderr } = await home.nbsvm(['ls', '--timeout=15', ...hosts], { env })
    const seconds = (Date.now() - begin) / 1000
    assert.equal(status, 1)
    for (const [, said] of Object.values(liars)) assert.match(stderr, said)
    assert.match(stderr, /^nbsvm: mute has not answered within 15 seconds$/m)
    assert.match(stderr, /^nbsvm: cannot reach nowhere by ssh: ssh: Could not resolve hostname nowhere$/m)
    assert.equal(stdout.split('\n').filter((line) => /^h\d{3}:vm\d+ /.test(line)).length, 20 * 100)
    assert.match(stdout, /^faults:web +unknown /m)
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/)
    assert.ok(seconds < 60, `${seconds} s`)
  })
})
