// A test suite in many forks of one template: what takes long is done once, and each test has a machine of its own, in the same state.
//
//     node examples/forks.mjs [FORKS] [AT_ONCE] [TIMEOUT_MS]
import { host } from 'nbsvm'

const [forks = 4, atOnce = 2, timeoutMs = 300_000] = process.argv.slice(2).map(Number)
const here = host({ note: (text) => console.error(text) })

// The suite: programs that end with 0 where all is well, told by TEST which of so many they are.
const suite = `#!/bin/sh
  test -e /tmp/installed || exit 1           # what was made ready once is there
  mkdir /tmp/work || exit 1                  # and nothing of another test
  seq 1 500 | sort -rn | sort -n >/tmp/work/sorted
  test "$(wc -l </tmp/work/sorted)" = 500 && echo "ok $TEST"`

const base = here.vm('suite', { image: 'debian', mem: '512M' })
await base.newimg()
await base.start()
await base.wait('agent', { timeoutMs })
// Here a suite of your own installs what it needs, and copies itself into the guest.
await base.exec(['sh', '-c', 'cat >/tmp/suite; chmod +x /tmp/suite; touch /tmp/installed'], { input: suite })
await base.freeze({ onProgress: (done, total) => console.error(`${done} of ${total} bytes of RAM`) })
// It has done its part, and would only take time from the others.
await base.pause()

/** One test, in a fork of its own that is gone after it, also where it fails. */
async function runTest(number) {
  const vm = await base.fork(`suite-${number}`)
  try {
    return await vm.exec(['sh', '-c', `TEST=${number} /tmp/suite`], { timeoutMs })
  } finally {
    await vm.remove()
  }
}

const began = performance.now()
const numbers = Array.from({ length: forks }, (_, at) => at + 1)
const results = []
const runner = async () => {
  for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) results.push(await runTest(number))
}
await Promise.all(Array.from({ length: atOnce }, runner))
const seconds = ((performance.now() - began) / 1000).toFixed(1)

const passed = results.filter(({ status }) => status === 0).length
console.log(`${passed} of ${forks} passed in ${seconds} s`)
await base.stop()
await base.rm()
process.exitCode = passed === forks ? 0 : 1
