import { projectVariantKey } from '../../model/project-name.ts'

const distanceMax = 3
const shortestSubstring = 3

/** Known names that may mean the same: equal but for case, contained, or at most 3 edits apart (MEM-308). */
export function similarNames(name: string, known: readonly string[]): readonly string[] {
  const wanted = name.toLowerCase()
  return known.filter((other) => other !== name && isSimilar(wanted, other.toLowerCase()))
}

function isSimilar(a: string, b: string): boolean {
  if (a === b || projectVariantKey(a) === projectVariantKey(b)) return true
  const shorter = Math.min(a.length, b.length)
  if (shorter >= shortestSubstring && (a.includes(b) || b.includes(a))) return true
  // Three edits turn any short name into any other: the distance must be small beside the length.
  return isWithin(a, b, Math.min(distanceMax, Math.floor(shorter / 2)))
}

/** Whether the Levenshtein distance is at most `max`; rows are cut off early. */
export function isWithin(a: string, b: string, max: number): boolean {
  if (Math.abs(a.length - b.length) > max) return false
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const substituted = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(substituted, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    if (Math.min(...current) > max) return false
    previous = current
  }
  return (previous[b.length] ?? 0) <= max
}
