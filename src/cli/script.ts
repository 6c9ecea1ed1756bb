// A file of steps for `run`: lines of actions as they stand on the command line, read and checked whole before the first is done.
import { Failure, UsageError } from '../core/errors.js'
import { splitWords } from '../core/words.js'
import { readRegular } from '../sys/file.js'
import type { Grammar } from './meant.js'
import { readSteps, type ScriptLine, type Step } from './parse.js'

const mostBytes = 1024 * 1024

/** The chain with the files that `run` names read. Throws a UsageError with the place of what is wrong in one of them. */
export function withScripts<S extends readonly Step[]>(steps: S, grammar: Grammar): S {
  return steps.map((step) =>
    step.name === 'run' ? { ...step, script: readScript(step.words[0] ?? '', grammar) } : step,
  ) as unknown as S
}

function readScript(file: string, grammar: Grammar): ScriptLine[] {
  return textOf(file)
    .split(/\r?\n/)
    .map((line, at) => ({ place: `${file}:${at + 1}`, text: line.trim() }))
    .filter(({ text }) => text !== '' && !text.startsWith('#'))
    .map(({ place, text }) => parseScriptLine(text, place, grammar))
}

function textOf(file: string): string {
  let text: string | undefined
  try {
    text = readRegular(file, mostBytes)
  } catch (error) {
    throw new UsageError(`cannot read ${file}`, { cause: error })
  }
  if (text === undefined) throw new UsageError(`there is no file ${file}`, { hints: ['see: nbsvm help run'] })
  return text
}

function parseScriptLine(text: string, place: string, grammar: Grammar): ScriptLine {
  try {
    const chain = readSteps(splitWords(text), grammar, ['VM'])
    // It could name itself.
    if (chain.some(({ step }) => step.name === 'run')) throw new UsageError('a file of steps runs no other one')
    return { place, text, steps: chain.map(({ step }) => step), written: chain.map(({ written }) => written) }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    throw new UsageError(`${place}: ${error.message}`, { cause: error.cause, hints: error.hints })
  }
}
