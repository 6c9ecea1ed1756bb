// Makes the reference of the library from its docstrings, in build/reference: npm run reference. A warning is an error. Options are
// typedoc's own.
//
// typedoc reads TypeScript by the compiler of version 6, whose functions version 7 does not have: it gets that one in place of ours.
import { register } from 'node:module'

const hook = `export const resolve = (name, context, next) => next(name === 'typescript' ? 'typescript-for-typedoc' : name, context)`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
await import('../node_modules/typedoc/dist/cli.js')
