// The rows, those first that take longest.
import { clocks } from './clocks.js'
import { consoleRow } from './console.js'
import { full } from './full.js'
import { garbage } from './garbage.js'
import { images } from './images.js'
import { kills } from './kills.js'
import { mix } from './mix.js'
import { month } from './month.js'
import { powerCut } from './powercut.js'
import type { Row } from './row.js'
import { settings } from './settings.js'
import { steps } from './steps.js'
import { suiteRows } from './suite.js'
import { words } from './words.js'

export const rows: readonly Row[] = [
  kills,
  powerCut,
  steps,
  words,
  mix,
  full,
  month,
  settings,
  clocks,
  images,
  garbage,
  ...suiteRows,
  consoleRow,
]
