// Whether a script that goes through a login has begun, and what of that which came is its own.

/** Stands before a script. */
export const beginScript = `echo; echo nbsvm-begins
`

const begunLine = Buffer.from('\nnbsvm-begins\n')

/** Hands on what a script says. What a login says before that (a greeting, a shell that nobody may use) is kept from it. */
export function afterBegin(take: ((piece: Buffer) => void) | undefined): {
  readonly take: (piece: Buffer) => void
  readonly hasBegun: () => boolean
} {
  let before: Buffer | undefined = Buffer.alloc(0)
  return {
    take(piece) {
      if (before === undefined) return take?.(piece)
      const all = Buffer.concat([before, piece])
      const at = all.indexOf(begunLine)
      before = at === -1 ? all.subarray(-begunLine.length) : undefined
      const rest = all.subarray(at + begunLine.length)
      if (at !== -1 && rest.length > 0) take?.(rest)
    },
    hasBegun: () => before === undefined,
  }
}
