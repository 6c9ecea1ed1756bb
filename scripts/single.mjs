// Puts dist/ into a copy of the Node.js that runs this: node scripts/single.mjs FILE. See scripts/single.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import vm from 'node:vm'

const [, , output = ''] = process.argv

/** As src/sys/packedcode.ts compiles it: V8 takes no cache of anything else. */
const head = '(function (exports, require, module, __filename, __dirname) {'
const compiled = (name) =>
  new vm.Script(`${head}${readFileSync(`dist/${name}`, 'utf8')}\n})`, {
    filename: `/nbsvm-single/${name}`,
    columnOffset: -head.length,
  }).createCachedData()

const filesIn = (folder) =>
  readdirSync(`dist/${folder}`)
    .toSorted()
    .map((name) => `${folder}/${name}`)

const work = mkdtempSync('build/work.')
try {
  const assets = {}
  const put = (name, bytes) => {
    assets[name] = `${work}/${Object.keys(assets).length}`
    writeFileSync(assets[name], bytes)
  }
  for (const name of filesIn('chunk')) assets[name] = `dist/${name}`
  for (const name of filesIn('chunk').filter((one) => one.endsWith('.cjs'))) put(`${name}.cache`, compiled(name))
  // What other programs and browsers read (src/sys/packed.ts).
  const files = ['keys', 'page', 'pacemaker', 'scripts'].flatMap(filesIn)
  const digest = createHash('sha256')
  for (const name of files) digest.update(`${name}\0`).update(readFileSync(`dist/${name}`))
  for (const name of files) assets[name] = `dist/${name}`
  put('index.json', JSON.stringify({ stamp: digest.digest('hex'), files }))
  const config = {
    main: path.resolve('build/single/single.cjs'),
    output: path.resolve(output),
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    assets: Object.fromEntries(Object.entries(assets).map(([name, file]) => [name, path.resolve(file)])),
  }
  writeFileSync(`${work}/sea.json`, JSON.stringify(config))
  execFileSync(process.execPath, ['--build-sea', `${work}/sea.json`], { stdio: ['ignore', 'ignore', 'inherit'] })
} finally {
  rmSync(work, { recursive: true, force: true })
}
