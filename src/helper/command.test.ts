import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import type { Helper } from '../model/helper.js'
import { passtHelper } from '../net/passt.js'
import { keeper } from '../qemu/keeper.js'
import { tpmHelper } from '../qemu/tpm.js'
import { pasteableHelpers } from './command.js'

const passt = passtHelper({ socket: 'run/passt.sock', forwards: [{ hostPort: 2222, guestPort: 22, protocol: 'tcp' }] })

test('what is pasted for passt waits until it serves, and says how much it may write', () => {
  assert.deepEqual(pasteableHelpers('/state/a b', [passt], ['/state/a b/pid']), [
    '# passt keeps passt.log below 256K',
    "mkdir -p -m 700 '/state/a b' '/state/a b/run' '/state/a b/helpers' && (cd '/state/a b' && rm -f pid)",
    `(cd '/state/a b' && umask 077 && { rm -f helpers/passt.pid; flock -n -F helpers/passt.lock sh -c 'trap : TERM; echo $$ >helpers/passt.lock; "$@"; exit $?' sh passt --foreground --one-off --quiet --socket run/passt.sock --pid helpers/passt.pid --log-file passt.log --log-size 262144 -t 127.0.0.1/2222:22 </dev/null >>passt.log 2>&1 & until test -s helpers/passt.pid || test -S helpers/passt.pid || ! kill -0 $!; do sleep 0.1; done; })`,
  ])
})

test('nothing is pasted where there are no helpers', () => assert.deepEqual(pasteableHelpers('/state/a', [], []), []))

test('a shell runs what is pasted: FIFOs, a lock that is held by the first process, a helper that has its ends', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'nbsvm-paste-'))
  try {
    const echo: Helper = {
      name: 'echo',
      command: ['sh', '-c', 'read -r word <&3; echo "got $word"; rm helpers/echo.lock'],
      keepsDescriptors: true,
      reads: ['echo.fifo'],
      log: 'echo.log',
      writes: [],
    }
    const lines = pasteableHelpers(folder, [echo], [])
    const open = 'cd "$0"; exec 9>echo.fifo; until test -s helpers/echo.lock; do sleep 0.1; done'
    const look = 'flock -n helpers/echo.lock true && echo free; kill -0 $(cat helpers/echo.lock) && echo alive'
    const end = 'echo hello >&9; while test -e helpers/echo.lock; do sleep 0.1; done; cat echo.log'
    const { stdout, stderr } = spawnSync('sh', ['-c', [...lines, open, look, end].join('\n'), folder], { encoding: 'utf8' })
    assert.deepEqual([stdout, stderr], ['alive\ngot hello\n', ''])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the log keeper is a script in the drawer, which a shell can read', () => {
  const row = keeper({ id: 'foo', logBytes: 4 << 20 })
  const { command, reads, script = '' } = row
  assert.deepEqual(command, ['sh', 'helpers/keeper', '4096', String((4 << 20) - 4096 * 128), 'foo'])
  assert.deepEqual(reads, ['console.fifo', 'events.fifo'])
  assert.ok(script.length > 0)
  assert.ok(pasteableHelpers('/d', [row], []).join('\n').includes(`cat >helpers/keeper <<'END'\n${script}END\n`))
  assert.equal(spawnSync('sh', ['-n', '-c', script], { encoding: 'utf8' }).stderr, '')
})

test('a TPM gets the folder of what it holds as a descriptor, and as root it is the user of the VM', () => {
  const row = tpmHelper({ state: '/vms/a, b/tpm', folder: 'run', prefix: ['setpriv', '--reuid', '7', '--'] })
  const script = 'cd run && ulimit -f 2048 && exec "$@" 9<"$0"'
  const swtpm =
    'swtpm socket --tpm2 --tpmstate dir=/proc/self/fd/9,mode=0600 --ctrl type=unixio,path=tpm.sock,mode=0600 --pid file=swtpm.pid --flags startup-clear --terminate'
  const user = ['setpriv', '--reuid', '7', '--']
  assert.deepEqual(row.command, ['sh', '-c', script, '/vms/a, b/tpm', ...user, ...swtpm.split(' ')])
  assert.equal(spawnSync('sh', ['-n', '-c', pasteableHelpers('/d', [row], []).join('\n')], { encoding: 'utf8' }).stderr, '')
})
