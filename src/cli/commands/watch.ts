import type { Caller } from '../../api/caller.ts'
import type { EventList } from '../../api/events.ts'
import { EngramError } from '../../model/errors.ts'
import type { LoggedKind } from '../../model/live.ts'
import { loggedKinds } from '../../model/live.ts'
import { command, type CommandContext } from '../command.ts'
import { numberOption, requiredArgument } from '../option-values.ts'
import { eventLine } from '../text/unit.ts'
import { visibleJson } from '../visible.ts'

/** How long one look at the end of the log waits for news. */
const waitMs = 20_000

export const watchCommand = command({
  path: 'watch',
  section: 'Working together',
  summary: 'Follow a context as it happens, until stopped',
  details: 'Shows what other programs write, too. With --json each event is one line.',
  arguments: [{ name: 'context', description: 'id of the context', required: true }],
  options: [
    { flags: '--from <cursor>', description: 'a cursor, begin or now', defaultText: 'now' },
    { flags: '--kind <kind>', description: 'only these', choices: loggedKinds, repeatable: true },
    { flags: '--count <n>', description: 'stop after so many' },
  ],
  examples: ['engram watch release-42', 'engram watch release-42 --from begin --json'],
  run: async (context) => {
    const wanted = numberOption(context, 'count', 1) ?? Number.POSITIVE_INFINITY
    const caller = await context.caller()
    const id = requiredArgument(context, 'context')
    // Looking at a context that is not there would only wait.
    if (!id.startsWith('$')) await context.call('context.get', { id })
    let [cursor, shown] = [context.option('from') ?? 'now', 0]
    while (!context.signal.aborted && shown < wanted) {
      const page = await nextPage(caller, context, { id, cursor })
      if (page === null) return 130
      for (const event of page.events.slice(0, wanted - shown)) {
        if (context.json) context.print(visibleJson(event))
        else context.print(eventLine(event, context))
        shown++
      }
      cursor = page.next_cursor
    }
    return context.signal.aborted ? 130 : 0
  },
})

const isKind = (word: string): word is LoggedKind => loggedKinds.some((one) => one === word)

function kindsOf(context: CommandContext): LoggedKind[] | undefined {
  const words = context.options('kind')
  const unknown = words.find((word) => !isKind(word))
  if (unknown !== undefined) throw new EngramError('usage', `--kind: nothing is called ${JSON.stringify(unknown)}.`)
  return words.length === 0 ? undefined : words.filter(isKind)
}

/** Null when the person stopped it. */
async function nextPage(
  caller: Caller,
  context: CommandContext,
  { id, cursor }: { readonly id: string; readonly cursor: string },
): Promise<EventList | null> {
  const input = { context_id: id, cursor, wait_ms: waitMs, kinds: kindsOf(context) }
  try {
    return await caller.call('event.list', input, { signal: context.signal })
  } catch (error) {
    if (context.signal.aborted) return null
    throw error
  }
}
