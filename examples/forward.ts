// A port into the VM for as long as a block lasts.
import { get } from 'node:http'
import { host } from 'nbsvm'

const box = host().vm('box')
{
  await using ports = await box.forward('18080:80')
  console.log(ports.forwards)
  const status = await new Promise((resolve, reject) => {
    get('http://127.0.0.1:18080/', ({ statusCode }) => resolve(statusCode)).on('error', reject)
  })
  console.log(status)
}
console.log((await box.status()).forwards)

await box.forward(['18080:80', '18081:80'])
console.log(await box.unforward(['18080', '18081']))
