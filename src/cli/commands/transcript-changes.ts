import { confirmed } from '../ask.ts'
import { command, type ExitCode } from '../command.ts'
import { requiredArgument, requiredOption } from '../option-values.ts'
import { typedText } from '../typed-text.ts'
import { oneLine, visible } from '../visible.ts'
import { dirOption, keyArgument, layoutOption, placeOf, section } from './transcripts.ts'

export const transcriptAppendCommand = command({
  path: 'transcript append',
  section,
  summary: 'Append one message; the first one begins the transcript',
  arguments: [keyArgument],
  options: [
    { flags: '--role <role>', description: 'who says it: user, assistant, system, tool' },
    { flags: '--content <text>', description: 'what is said', defaultText: 'standard input' },
    { flags: '--id <id>', description: 'a name of its own: among the last 512 it is not written twice' },
    dirOption,
    layoutOption,
  ],
  examples: [
    'engram transcript append telegram:123 --role user --content "Is the pool big enough?"',
    'cat answer.txt | engram transcript append telegram:123 --role assistant --id answer-7',
  ],
  run: async (context) => {
    const role = requiredOption(context, 'role')
    const key = requiredArgument(context, 'key')
    const id = context.option('id')
    const content = await typedText(context, context.option('content') ?? '-')
    const done = await context.call('transcript.append', {
      ...placeOf(context),
      key,
      message: { role, content },
      ...(id === undefined ? {} : { message_id: id }),
    })
    context.answer(done, () => {
      if (!done.duplicate) return `Message ${done.position} of ${oneLine(key)}.`
      return `Already there: message ${done.position} of ${oneLine(key)}.`
    })
  },
})

export const transcriptSummaryCommand = command({
  path: 'transcript summary',
  section,
  summary: 'The summary of a transcript; --set writes it, an empty text clears it',
  arguments: [keyArgument],
  options: [{ flags: '--set <text>', description: 'the new summary; - reads standard input' }, dirOption, layoutOption],
  examples: [
    'engram transcript summary telegram:123',
    'engram transcript summary telegram:123 --set "About the pool."',
  ],
  run: async (context) => {
    const key = requiredArgument(context, 'key')
    const given = context.option('set')
    if (given !== undefined) {
      const summary = await typedText(context, given)
      const done = await context.call('transcript.update', { ...placeOf(context), key, summary })
      return context.answer(done, () => `Summary of ${oneLine(key)} ${done.summary === '' ? 'cleared' : 'set'}.`)
    }
    const page = await context.call('transcript.show', {
      ...placeOf(context),
      key,
      last: 0,
      summary: true,
      must_exist: true,
    })
    const summary = page.summary ?? ''
    context.answer({ key, summary }, () => (summary === '' ? 'No summary.' : visible(summary, { keepLines: true })))
  },
})

export const transcriptDeleteCommand = command({
  path: 'transcript delete',
  section,
  summary: 'Delete a transcript; it stays in the trash for 7 days unless --purge',
  arguments: [keyArgument],
  options: [
    { flags: '--purge', description: 'for ever, quarantine and lists included' },
    { flags: '--yes', description: 'do not ask' },
    dirOption,
    layoutOption,
  ],
  examples: ['engram transcript delete telegram:123', 'engram transcript delete telegram:123 --purge --yes'],
  run: async (context): Promise<ExitCode> => {
    const key = requiredArgument(context, 'key')
    const purge = context.flag('purge')
    if (purge && !(await confirmed(context, `${oneLine(key)} will be gone for ever. Go on?`))) return 1
    const done = await context.call('transcript.delete', { ...placeOf(context), key, purge })
    context.answer(
      done,
      () => `${oneLine(key)} ${done.purged ? 'purged.' : 'deleted; it stays in the trash for 7 days.'}`,
    )
    return 0
  },
})
