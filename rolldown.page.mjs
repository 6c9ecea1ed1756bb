// The page of `nbsvm web`, into dist/page/: one HTML, one script with noVNC and xterm apart, one style sheet. Each has a hash in its
// name, so a browser may keep it for ever. What the server puts into the HTML: src/page/index.html.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { defineConfig } from 'rolldown'

const source = path.resolve('src/page')
const packages = path.resolve('node_modules')

/** In this order: what comes later may override. */
const sheets = [
  `${packages}/@xterm/xterm/css/xterm.css`,
  ...['base', 'list', 'vm', 'dialog'].map((name) => `${source}/${name}.css`),
]

/** What others have written: where it comes from, and the terms, in their own words. */
const others = [
  {
    name: '@novnc/novnc',
    from: 'https://github.com/novnc/noVNC',
    files: ['LICENSE.txt', 'docs/LICENSE.MPL-2.0', 'docs/LICENSE.BSD-3-Clause', 'vendor/pako/LICENSE'],
  },
  { name: '@xterm/xterm', from: 'https://github.com/xtermjs/xterm.js', files: ['LICENSE'] },
  { name: '@xterm/addon-fit', from: 'https://github.com/xtermjs/xterm.js', files: ['LICENSE'] },
  { name: '@xterm/addon-search', from: 'https://github.com/xtermjs/xterm.js', files: ['LICENSE'] },
  { name: 'preact', from: 'https://github.com/preactjs/preact', files: ['LICENSE'] },
]

const read = (file) => readFileSync(file, 'utf8')

/** Comments and what is blank around them: a fifth of the sheet. */
const dense = (css) =>
  css
    .replaceAll(/\/\*.*?\*\//gs, '')
    .replaceAll(/\s*\n\s*/g, '\n')
    .trim()

function licences() {
  const notices = others.map(({ name, from, files }) => {
    const { version } = JSON.parse(read(`${packages}/${name}/package.json`))
    const texts = files.map((file) => `---- ${file}\n\n${read(`${packages}/${name}/${file}`).trim()}\n`)
    return [`==== ${name} ${version}, unchanged, from ${from} (npm pack ${name}@${version})\n`, ...texts].join('\n')
  })
  return [
    'The page of nbsvm is made of its own files and of these packages. noVNC is in rfb-*.js, xterm.js in terminal-*.js.\n',
    ...notices,
  ].join('\n')
}

/** Style sheet, icon, licences and the HTML that names them all. */
const around = {
  name: 'around',
  buildStart() {
    for (const sheet of sheets) this.addWatchFile(sheet)
  },
  generateBundle(_, bundle) {
    const css = sheets.map((sheet) => dense(read(sheet))).join('\n')
    const sheet = `page-${createHash('sha256').update(css).digest('base64url').slice(0, 8)}.css`
    const script = Object.values(bundle).find(({ isEntry }) => isEntry).fileName
    const html = read(`${source}/index.html`).replace('page.css', sheet).replace('page.js', script)
    const files = { [sheet]: css, 'index.html': html, 'icon.svg': read(`${source}/icon.svg`), 'LICENSES.txt': licences() }
    for (const [fileName, text] of Object.entries(files)) this.emitFile({ type: 'asset', fileName, source: text })
  },
}

export default defineConfig({
  input: { page: `${source}/main.tsx` },
  platform: 'browser',
  plugins: [around],
  output: {
    dir: 'dist/page',
    format: 'esm',
    entryFileNames: '[name]-[hash].js',
    chunkFileNames: '[name]-[hash].js',
    minify: true,
  },
})
