/**
 * Whether this is `npm run test:whole`. What takes minutes and is seldom what breaks (another release of the same thing, one more kill) is
 * left to that: `npm test` is for each change, and has half an hour on two slow processors.
 */
export const isWhole = process.env['NBSVM_WHOLE'] !== undefined
