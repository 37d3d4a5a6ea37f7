import { hostname } from 'node:os'

/** Tells this process from every other that may open the same files. */
export const processName = (): string => `${hostname()}:${process.pid}:${Math.round(performance.timeOrigin)}`
