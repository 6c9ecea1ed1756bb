// What is run first. What is compiled after it is kept, so the program itself is in another file.
import path from 'node:path'
import { loadCompiled } from '../sys/compiled.js'
import { environment, homeFolder, isRoot } from '../sys/environment.js'
import { findPlace } from '../host/place.js'

const { compiled } = findPlace(environment, isRoot(), homeFolder())
loadCompiled(path.join(import.meta.dirname, 'chunk/program.cjs'), compiled)
