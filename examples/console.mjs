// The serial port: what comes, what is typed, and all of it since power-on.
import { host } from 'nbsvm'

const box = host().vm('box')
await box.type('echo six times seven is $((6 * 7))\n')
await box.wait('/is (42)/')
for await (const line of box.console()) if (line.includes('is 42')) break
console.log((await box.log()).length)
