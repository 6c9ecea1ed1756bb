// The program: reads the line, runs it, ends with its exit status.
import path from 'node:path'
import { environment, homeFolder, isRoot } from '../sys/environment.js'
import { exitWith, onInterrupt } from '../sys/signal.js'
import { findPlace } from '../vm/place.js'
import { printError } from './report.js'
import { runLine } from './run.js'

const signal = onInterrupt()

runLine(process.argv.slice(2), {
  program: path.basename(process.argv[1] ?? 'nbsvm'),
  environment,
  place: findPlace(environment, isRoot(), homeFolder()),
  signal,
}).then(exitWith, (error: unknown) => exitWith(printError(error)))
