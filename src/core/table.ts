/** A column gets no wider: one long cell would make every row as long. */
const widest = 200

/** Lines up rows in columns, two spaces apart; the last column is left as it is. All text is ASCII or narrow. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, Math.min(cell.length, widest))))
  return rows.map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  '))
}
