import * as fc from 'fast-check'

/**
 * Properties draw from one seed: fixed in `npm run check` (ENGRAM_SEED), else a new one per run. fast-check prints the seed
 * of a failure; `ENGRAM_SEED=<seed>` replays it.
 */
const given = process.env['ENGRAM_SEED']
if (given !== undefined && /^-?\d+$/.test(given)) fc.configureGlobal({ seed: Number(given) })
