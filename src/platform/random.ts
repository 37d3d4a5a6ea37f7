import { crypto } from './crypto.ts'

/** Chance as an input. */
export interface Random {
  /** `bytes` random bytes as lower-case hex. */
  hex(bytes: number): string
}

export const systemRandom: Random = { hex: (bytes) => crypto().randomBytes(bytes).toString('hex') }

/** Replayable chance for tests: mulberry32 from a seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) & 0xff
  }
  return {
    hex: (bytes) => Array.from({ length: bytes }, () => next().toString(16).padStart(2, '0')).join(''),
  }
}
