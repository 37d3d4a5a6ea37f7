import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../../../src/platform/random.ts'

/** The large numbers are for `npm run test:long`. */
export const isLong = process.env['ENGRAM_LONG'] === '1'
export const seed = Number(process.env['ENGRAM_SEED'] ?? 20_261_120)

/** Whole numbers below a bound, replayable. */
export function dice(from: number): (bound: number) => number {
  const random = seededRandom(from)
  return (bound) => Number.parseInt(random.hex(4), 16) % bound
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** One figure as one line of JSON on stdout. */
export const tellFigure = (figure: Readonly<Record<string, unknown>>): void => console.log(JSON.stringify(figure))

export type Place = { readonly dataDir: string; readonly logDir: string; readonly root: string; remove(): void }

/** A data dir that does not exist yet and a folder for logs beside it. */
export function newPlace(name: string): Place {
  const root = mkdtempSync(join(tmpdir(), `engram-${name}-`))
  return {
    root,
    dataDir: join(root, 'data'),
    logDir: root,
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}
