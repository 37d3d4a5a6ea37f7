import { sha256Hex } from '../platform/bytes.ts'

/**
 * Every number that decides an order or a time, with its reason. Their hash is printed by the harness and with every
 * explanation: results are comparable only under the same hash. None needs a rebuild of the index.
 */
export const parameters = {
  /** bm25 weight per column, in the order of `observation_fts`; facet never counts (RET-101). Context text in columns of
   * low weight brought 12 points of recall@10; twice the title beat three and five times. */
  observationWeights: { facet: 0, title: 2, content: 1, keys: 1.5, before: 0.4, after: 0.25, day: 0.3 },
  promptWeights: { facet: 0, content: 1, before: 0.4, day: 0.3 },
  unitWeights: { facet: 0, text: 1, meta: 0.7, before: 0.4, day: 0.3, grams: 1 },
  messageWeights: { facet: 0, text: 1, before: 0.4, day: 0.3, grams: 1 },

  /** Pruning (RET-303): a word in more than this share of the records changes nothing in the order and costs most of the
   * time; the rarest always stay; the sum of document frequencies bounds the time at 100,000 records. */
  rarestKept: 3,
  commonShareMax: 0.3,
  postingsShareMax: 0.5,
  postingsMin: 20_000,
  postingsMax: 50_000,

  /** Up to this many records every row that a word brings is scored: at about a microsecond a row that stays within the
   * promise of 10 ms. */
  allScoredMax: 6_000,
  /** Beyond, rows the rarest words may propose for scoring, beside which the others only add: at least so many, and up to
   * what the time promised for the size of the store affords: 2,500 for 10 ms at 10,000 records, 5,000 at 100,000, a fixed
   * share of larger ones. Scored rows are what a query costs; nearly all of the unpruned first ten stay. */
  scoredRowsMin: 400,
  scoredRowsMax: 2_500,
  scoredRowsMaxLarge: 5_000,
  scoredShareMax: 0.05,
  scoredShareMaxLarge: 0.02,

  /** Below this share of the store the facet clause is quicker than the join alone (RET-306). */
  facetShareMax: 0.5,
  /** Unknown words up to this length are searched as prefixes, longer ones as grams (RET-305). */
  prefixLettersMax: 4,
  /** A prefix of one letter would walk a tenth of the index. */
  prefixLettersMin: 2,
  /** Unspaced runs up to this length must stand as they are; of longer ones any pair counts, or no question would match. */
  wholeRunLettersMax: 4,

  /** Factors on the score (RET-404 to RET-406). Author: MRR +.046 in conversations; freshness: +.04 on work records. */
  author: 1.25,
  authorLettersMin: 3,
  insidePeriod: 1.3,
  freshness: 0.5,
  freshnessHalfMs: 12 * 3_600_000,
  pinned: 1.1,
  stability: 0.04,
  stabilityHalf: 4,
  extracted: 0.9,
  extractedWeak: 0.8,
  /** Extraction's own border between weak and strong (ING-EXT). */
  strongConfidence: 0.7,
  superseded: 0.6,
  phrase: 1.5,
  /** What a tool put out, beside what was said: lists of paths hold many words and answer few questions. By judgement. */
  toolOutput: 0.8,

  /** Weight of nearness in meaning beside words (RET-403); 1 and 3 lose up to a point of recall. */
  meaningWeight: 2,
  /** Records whose signs are nearest are compared by their vectors: 400 hold 98 % of the true first 20 (RET-605). */
  signsRescored: 400,
  vectorCandidates: 200,
  /** Texts up to so many code points lean fully on their neighbours, longer ones less (RET-402). */
  smoothedLength: 200,
  nearShare: 0.3,
  farShare: 0.15,
  /** With vectors of fewer than this share of the records in scope, words alone decide (RET-403). */
  vectorShareMin: 0.5,

  /** Days by which a single day in a query is widened each way: people misremember (RET-504). */
  dayWidening: 3,

  /** Below this share of the query's weight the answer is doubtful (RET-702). */
  coverageLow: 0.25,
  /** With vectors: below this share of its own words, and nothing in scope this near (RET-702). The record nearest in
   * meaning need not stand among the first three, and words around a record, which triple its text, hold some of any
   * question: with both, either bound may be higher, and of what is found fewer are called doubtful. */
  coverageLowWithMeaning: 0.45,
  nearnessLow: 0.36,
  /** Injection keeps what reaches this share of the best score (RET-704). */
  kneeShare: 0.5,

  /** A count of records is taken again when more than this share may have changed; small stores count every time. */
  staleShareMax: 0.05,
  exactCountMax: 20_000,
} as const

/** The first 12 hex of the parameters' SHA-256. */
export const parametersHash = (): string => sha256Hex(JSON.stringify(parameters)).slice(0, 12)
