// The same by Vitest: the VM is a fixture of the test.
import { host, type FreshVm } from 'nbsvm'
import { afterAll, beforeAll, expect, test as base } from 'vitest'

const here = host()
const gold = here.vm('gold', { image: 'debian', mem: '1G' })

beforeAll(async () => {
  await gold.newimg()
})

afterAll(async () => {
  await gold.rm()
})

const test = base.extend<{ vm: FreshVm }>({
  // A VM that is gone after the test, also where that fails.
  // oxlint-disable-next-line no-empty-pattern -- Vitest reads from the pattern which fixtures this one needs
  vm: async ({}, use) => {
    const vm = await here.fresh({ gold: 'gold', mem: '1G' })
    try {
      await vm.wait('agent', { timeoutMs: 300_000 })
      await use(vm)
    } finally {
      await vm.remove()
    }
  },
})

test('the program runs on a new system', { timeout: 600_000 }, async ({ vm }) => {
  await vm.cp(import.meta.filename, ':/tmp/program')
  const { status, stdout } = await vm.exec(['head', '-n', '1', '/tmp/program'])
  expect(status).toBe(0)
  expect(stdout).toContain('The same by Vitest')
})
