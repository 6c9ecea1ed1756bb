// The screen: keys, text on its keyboard, pictures.
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { host } from 'nbsvm'

const box = host().vm('box')
await box.key('ctrl-alt-f2')
await box.key(['a', 'ret'])
await box.type('root\n', { screen: true })
const { png, width, height } = await box.screenshot()
await writeFile(`${tmpdir()}/screen.png`, png)
console.log(width, height)
