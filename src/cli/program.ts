// The program: reads the line, runs it, ends with its exit status.
import path from 'node:path'
import { environment, homeFolder, isRoot } from '../sys/environment.js'
import { unpackInto } from '../sys/packed.js'
import { calledWith } from '../sys/self.js'
import { exitWith, onInterrupt } from '../sys/signal.js'
import { findPlace } from '../host/place.js'
import { printError } from './report.js'
import { runLine } from './run.js'
import { calledAs, voice } from './voice.js'

const signal = onInterrupt()
const place = findPlace(environment, isRoot(), homeFolder())
unpackInto(path.join(place.state, '.package'))

runLine(calledWith.slice(1), {
  program: path.basename(calledWith[0] ?? 'nbsvm'),
  environment,
  place,
  signal,
  mouth: { voice, report: printError },
}).then(exitWith, (error: unknown) => exitWith(printError(error, calledAs === undefined ? '' : `${calledAs}: `)))
