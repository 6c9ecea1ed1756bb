import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { ansibleVariables, configBlock, optionWords, type SshEntry } from './sshentry.js'

const entry: SshEntry = {
  alias: 'nbsvm-web',
  host: '127.0.0.1',
  port: 2222,
  user: 'debian',
  options: [
    ['UserKnownHostsFile', String.raw`"/my home/it's/known \"hosts\""`],
    ['IdentityFile', '"/my home/key"'],
    ['StrictHostKeyChecking', 'yes'],
  ],
}

/** What ssh makes of words that a shell has split, and of a file. */
function understood(line: string, input = ''): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8', input })
  assert.equal(status, 0, stderr)
  return stdout
}

const files = /^userknownhostsfile \/my home\/it's\/known "hosts"$/m

test('a folder with blanks and quotes in its name is one word: on the command line, in a file, and for Ansible', () => {
  const words = optionWords(entry).map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
  assert.match(understood(`ssh -G ${words.join(' ')} host`), files)
  assert.match(understood('cat | ssh -G -F /dev/stdin nbsvm-web', configBlock(entry)), files)
  // As Ansible does it, and as the shell splits it here.
  const { ansible_ssh_common_args: args, ansible_ssh_private_key_file: key } = ansibleVariables(entry)
  assert.match(understood(`ssh -G -F /dev/null ${args} host`), files)
  assert.equal(key, '/my home/key')
})
