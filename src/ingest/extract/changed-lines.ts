const linesShown = 6
const charsMax = 600
const linesRead = 2_000

/**
 * The first six lines that a change really changed, or nothing when they are longer than 600 characters. Lines that a
 * replacement takes out and puts back as they were are context, whatever sign stands before them.
 */
export function changedLines(diffs: readonly string[]): string {
  const lines = diffs
    .flatMap((diff) => diff.split('\n', linesRead))
    .slice(0, linesRead)
    .filter((line) => /^[+-](?!\+\+ |-- )\s*\S/.test(line))
  const added = counts(lines.filter((line) => line.startsWith('+')))
  const removed = counts(lines.filter((line) => line.startsWith('-')))
  const changed = lines.filter((line) => {
    const others = line.startsWith('+') ? removed : added
    const left = others.get(line.slice(1)) ?? 0
    if (left > 0) others.set(line.slice(1), left - 1)
    return left === 0
  })
  const shown = changed
    .slice(0, linesShown)
    .map((line) => line.replaceAll('```', "'''"))
    .join('\n')
  return shown.length <= charsMax ? shown : ''
}

function counts(lines: readonly string[]): Map<string, number> {
  const found = new Map<string, number>()
  for (const line of lines) found.set(line.slice(1), (found.get(line.slice(1)) ?? 0) + 1)
  return found
}
