// Integration tests of a project of one's own, by node:test: a fresh VM for each, from one that was made ready once.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { host } from 'nbsvm'

const here = host()
const gold = here.vm('gold', { image: 'debian', mem: '1G' })

// Installed once; each test has a copy of that, made in an instant, which it may break as it likes.
before(async () => {
  await gold.newimg()
})

after(async () => {
  await gold.rm()
})

/** A VM that is gone after the test, also where that fails. */
async function freshVm(context) {
  const vm = await here.fresh({ gold: 'gold', mem: '1G' }, { signal: context.signal })
  context.after(() => vm.remove())
  await vm.wait('agent', { timeoutMs: 300_000, signal: context.signal })
  return vm
}

test('the program runs on a new system', async (context) => {
  const vm = await freshVm(context)
  await vm.cp(import.meta.filename, ':/tmp/program')
  const { status, stdout } = await vm.exec(['head', '-n', '1', '/tmp/program'])
  assert.equal(status, 0)
  assert.match(stdout, /Integration tests/)
})
