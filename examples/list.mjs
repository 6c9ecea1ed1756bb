// Every VM that there is, now and each time when something changes.
import { host } from 'nbsvm'

const here = host()
for (const { id, state, memBytes } of await here.list()) console.log(id, state, memBytes)

for await (const vms of here.watch({ everyMs: 500 })) {
  console.log(vms.map(({ id, state }) => `${id} is ${state}`).join(', '))
  if (vms.every(({ state }) => state !== 'busy')) break
}
