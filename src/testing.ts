/** For tests of programs that embed Engram: time and chance that are turned by hand, files that fail on demand. */
export { SimulatedClock, type Clock } from './platform/clock.ts'
export { FaultyFiles } from './platform/faulty-files.ts'
export { seededRandom, type Random } from './platform/random.ts'
