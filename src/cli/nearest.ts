/** The known word a mistyped one most likely means, or null when none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  const ranked = known
    .map((one) => ({ one, edits: distance(word.toLowerCase(), one.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits || (a.one < b.one ? -1 : 1))
  const [best] = ranked
  if (best === undefined) return null
  const tolerated = Math.max(1, Math.floor(Math.max(word.length, best.one.length) / 3))
  return best.edits <= tolerated ? best.one : null
}

/** Edits between two words: insert, delete, replace, or swap two neighbours. Words here are short. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, index) => index)]
  const cell = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    rows.push(current)
    for (let column = 1; column <= b.length; column++) {
      const replaced = cell(row - 1, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1)
      const isSwap = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      const swapped = isSwap ? cell(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY
      current.push(Math.min(replaced, cell(row - 1, column) + 1, (current[column - 1] ?? 0) + 1, swapped))
    }
  }
  return cell(a.length, b.length)
}
