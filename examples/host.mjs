// What this machine has, and a home apart from the user's own VMs.
import { tmpdir } from 'node:os'
import { host } from 'nbsvm'

for (const { name, ok, what } of await host().doctor()) console.log(name, ok, what)

const apart = host({ home: `${tmpdir()}/nbsvm-apart`, environment: { PATH: process.env.PATH }, note: console.error })
console.log(await apart.list())
