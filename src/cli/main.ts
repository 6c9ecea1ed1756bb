// What is run first: it has the program loaded, compiled already where it can be.
import { keepCompiled } from '../sys/compiled.js'
import { findPlace } from '../vm/place.js'

const home = process.env['HOME']
if (home) keepCompiled(findPlace(process.env, process.geteuid?.() === 0, home).codeCache)
void import('./program.js').then(({ program }) => program())
