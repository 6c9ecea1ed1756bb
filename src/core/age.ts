const units = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
] as const

/** How long something has been so, in the largest unit that tells: `40s`, `12m`, `5h`, `3d`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  // Two of a unit say more than one of the next.
  const [unit, size] = units.find(([, length]) => seconds >= 2 * length) ?? ['s', 1]
  return `${Math.floor(seconds / size)}${unit}`
}
