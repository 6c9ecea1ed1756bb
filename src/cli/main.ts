// What is run first: it has the program loaded, compiled already where it was run before.
import path from 'node:path'
import { loadCompiled } from '../sys/compiled.js'
import { environment, homeFolder, isRoot } from '../sys/environment.js'
import { findPlace } from '../host/place.js'

const { compiled } = findPlace(environment, isRoot(), homeFolder())
loadCompiled(path.join(import.meta.dirname, 'chunk/program.cjs'), compiled)
