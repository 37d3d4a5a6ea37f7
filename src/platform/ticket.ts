import { isRunning } from './process-life.ts'

/**
 * A place in a line of processes: the name of an empty file.
 *
 *     00000012345678901234-4711-884422-9f3a61c2
 *     │                    │    │      └ random, so that two of one process differ
 *     │                    │    └ when the process started, in kernel ticks (0 where that cannot be read)
 *     │                    └ process id
 *     └ the machine's monotonic clock, nanoseconds: names sort in order of arrival
 *
 * The start time tells a dead process from another one that was given its number since.
 */
export type Ticket = {
  readonly atNs: bigint
  readonly pid: number
  readonly startedTicks: string
  readonly random: string
}

const shape = /^(\d{20})-([1-9]\d{0,9})-(\d{1,20})-([0-9a-f]{1,32})$/

export const ticketName = (ticket: Ticket): string =>
  [String(ticket.atNs).padStart(20, '0'), ticket.pid, ticket.startedTicks, ticket.random].join('-')

/** Null for a name that is no ticket: it is not in the line. */
export function parseTicket(name: string): Ticket | null {
  const [, at, pid, startedTicks, random] = shape.exec(name) ?? []
  if (at === undefined || pid === undefined || startedTicks === undefined || random === undefined) return null
  return { atNs: BigInt(at), pid: Number(pid), startedTicks, random }
}

/** Whether the ticket's process is gone. In doubt it lives. */
export const isOrphaned = ({ pid, startedTicks }: Ticket): boolean => !isRunning(pid, startedTicks)
