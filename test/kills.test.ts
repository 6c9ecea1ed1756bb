// The row `kills` of the torture: it takes as long as all others together (test/torture.test.ts), beside which it runs.
import { kills } from '../torture/kills.js'
import { tortureRow } from './support/torturerow.js'

tortureRow(kills)
