/**
 * Hybrid logical clock (MEM-503): 16 hex, 12 for milliseconds since 1970 and 4 for a counter, so that it compares as
 * text. A child is always later than its parents, whatever the wall clock does.
 */
export const hlcZero = '0000000000000000'

/** The first reading at or after `ms` that is later than every one in `after`. */
export function hlcNext(ms: number, ...after: readonly string[]): string {
  const wall = hlcAt(ms)
  const latest = after.reduce((a, b) => (a > b ? a : b), hlcZero)
  return wall > latest ? wall : increment(latest)
}

export const hlcAt = (ms: number): string => `${Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0')}0000`

export const hlcMs = (hlc: string): number => Number.parseInt(hlc.slice(0, 12), 16)

export const isHlc = (text: string): boolean => /^[0-9a-f]{16}$/.test(text)

const hlcLast = 'ffffffffffffffff'

/** Nothing comes after the last reading; it stays, rather than become one that no longer compares as text. */
function increment(hlc: string): string {
  return hlc >= hlcLast ? hlcLast : (BigInt(`0x${hlc}`) + 1n).toString(16).padStart(16, '0')
}
