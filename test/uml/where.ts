// Lets a test file that needs root and device-mapper run wherever they can be had.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { test } from 'node:test'
import { isWhole } from '../support/whole.js'
import { uml, umlNeeds, type UmlOptions } from './run.js'

const insideVariable = 'NBSVM_TEST_IN_UML'

export interface WhereOptions extends Pick<UmlOptions, 'timeoutMs' | 'memory'> {
  /** Size of the disk that `testDisk` gives. */
  readonly diskBytes: number
}

/**
 * Defines tests that need root and device-mapper. On a machine where both are there they run at once. Elsewhere the whole
 * file is run once more inside User-Mode Linux, and each of its tests is reported as a test here. Where that is not
 * installed either, one skipped test says what is missing.
 */
export function whereDeviceMapperIs(file: string, options: WhereOptions, define: () => void): void {
  if (isInsideUml() || hasDeviceMapper()) {
    define()
    return
  }
  const needs = umlNeeds()
  if (needs.length > 0) {
    const skip = `no device-mapper here, and no User-Mode Linux: apt-get install ${needs.join(' ')}`
    test('volumes', { skip })
    return
  }
  reportFromUml(file, options)
}

/** Whether this is a test file that was run once more. */
export function isInsideUml(): boolean {
  return process.env[insideVariable] !== undefined
}

/** Runs a test file once more inside User-Mode Linux, and reports each of its tests as a test here. */
export function reportFromUml(file: string, options: UmlOptions, through: readonly string[] = []): void {
  test('in User-Mode Linux', async (t) => {
    // `npm test -- test/lvm.test.ts --test-name-pattern='User-Mode Linux|NAME'` runs those of that name there.
    const chosen = process.execArgv.filter((word) => word.startsWith('--test-name-pattern'))
    const { status, output, console } = await uml([...through, process.execPath, ...chosen, '--test-reporter=tap', file], {
      ...options,
      environment: { [insideVariable]: '1', ...(isWhole ? { NBSVM_WHOLE: '1' } : {}) },
    })
    const results = parseTap(output)
    for (const { name, passed, skipped, details } of results) {
      await t.test(name, { skip: skipped }, (inner) => {
        for (const words of diagnostics(details)) inner.diagnostic(words)
        assert.ok(passed, details)
      })
    }
    assert.ok(results.length > 0 && status === 0, `exit status ${status}\n${output}\n${console}`)
  })
}

/** Whether volumes can be made here: by root, with device-mapper and loop devices. */
export function hasDeviceMapper(): boolean {
  if (process.geteuid?.() !== 0) return false
  try {
    execFileSync('dmsetup', ['version'], { stdio: 'ignore' })
    return fs.existsSync('/dev/loop-control')
  } catch {
    return false
  }
}

interface TapResult {
  readonly name: string
  readonly passed: boolean
  readonly skipped: string | false
  readonly details: string
}

/** Reads the outermost results of what node's TAP reporter writes. https://testanything.org */
function parseTap(tap: string): TapResult[] {
  const shape = /^(?<not>not )?ok \d+ - (?<name>.*?)(?: # SKIP ?(?<why>.*))?$/gm
  const heads = [...tap.matchAll(shape)]
  return heads.map(({ index, groups }, at) => ({
    name: groups?.['name'] ?? '',
    passed: groups?.['not'] === undefined,
    skipped: groups?.['why'] ?? false,
    details: tap.slice(index, heads[at + 1]?.index),
  }))
}

/** What a test told of itself, without what node tells: which test follows, and the sum of all. */
function diagnostics(details: string): string[] {
  const shape = /^# (?!Subtest:|(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) )(.*)$/gm
  return [...details.matchAll(shape)].map(([, words = '']) => words.replaceAll(/\\+n/g, '\n'))
}
