// What is run first where nbsvm is one file: scripts/single.
import { requirePacked } from '../sys/packedcode.js'

requirePacked('chunk/program.cjs')
