/**
 * Runs `work` when all that follows from what happens now is done, before anything new is taken up: whoever is answered in
 * this turn is answered first.
 */
export const atEndOfTurn = (work: () => void): void => process.nextTick(work)
