import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { renewScript } from './renew.js'
import { cardLine, leaseScript } from './renewcards.js'

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined

test('the scripts are what shells of guests understand', () => {
  for (const script of [renewScript, leaseScript]) {
    for (const shell of ['sh', 'dash', 'bash']) {
      const { error, status, stderr } = spawnSync(shell, ['-n'], { input: script, encoding: 'utf8' })
      if (shell === 'sh' || error === undefined) assert.equal(status, 0, `${shell}: ${stderr}`)
    }
  }
})

test('shellcheck finds nothing in them', { skip: has('shellcheck') ? false : 'there is no shellcheck' }, () => {
  for (const script of [renewScript, leaseScript]) {
    const { status, stdout } = spawnSync('shellcheck', ['-s', 'sh', '-S', 'warning', '-'], { input: script, encoding: 'utf8' })
    assert.equal(status, 0, stdout)
  }
})

test('a line about a card is one of ours, or none', () => {
  assert.deepEqual(cardLine.exec('card 52:54:00:ab:cd:01 awaited told')?.slice(1), ['52:54:00:ab:cd:01', 'awaited', 'told'])
  for (const line of ['card 52:54:00:ab:cd:01 awaited', 'card 52:54:00:AB:CD:01 idle told', ' card', 'card x idle untold']) {
    assert.equal(cardLine.exec(line), null)
  }
})

/** How the script's own awk changes a line of /etc/hosts. */
function renamed(old: string, name: string, line: string): string | undefined {
  const awk = /name="\$name" '([^']+)' <\/etc\/hosts/.exec(renewScript)?.[1] ?? ''
  const short = old.replace(/\..*/, '')
  const words = ['-v', `old=${old}`, '-v', `short=${short}`, '-v', `name=${name}`, awk]
  const { status, stdout } = spawnSync('awk', words, { input: `${line}\n`, encoding: 'utf8' })
  return status === 0 ? stdout.replace(/\n$/, '') : undefined
}

test('whole names of /etc/hosts are replaced, the rest stays', () => {
  assert.equal(renamed('web', 'twin', '127.0.1.1\tweb  web.home webby # web'), '127.0.1.1\ttwin  twin.home webby # twin')
  assert.equal(renamed('web.example.org', 'twin', '10.0.0.1 web.example.org web'), '10.0.0.1 twin twin')
  assert.equal(renamed('web', 'web.two', '::1 web'), '::1 web.two')
  assert.equal(renamed('web', 'twin', '10.0.0.1 webby my-web'), undefined)
})
