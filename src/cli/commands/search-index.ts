import { command } from '../command.ts'
import { choiceOption } from '../option-values.ts'
import { pageOf } from '../text/page.ts'
import { renderIndexStatus, renderModel } from '../text/search-index.ts'

const section = 'This machine'
const parts = ['words', 'vectors', 'all'] as const

export const indexCommand = command({
  path: 'index',
  aliases: ['index status'],
  section,
  summary: 'What search stands on, and how far it has come',
  details:
    'With --wait it answers when index and vectors have caught up; the model is loaded for that, if there is one.',
  options: [{ flags: '--wait', description: 'until everything is indexed' }],
  examples: ['engram index', 'engram index --wait --json'],
  run: async (context) => {
    const status = context.flag('wait') ? await context.call('index.wait', {}) : await context.call('index.status', {})
    context.answer(status, () => renderIndexStatus(status, pageOf(context)))
  },
})

export const indexRebuildCommand = command({
  path: 'index rebuild',
  section,
  summary: 'Build the index again from the memories',
  details: 'Nothing is lost by it: every row of the index is made of what is kept. Answers when it is done.',
  options: [{ flags: '--what <part>', description: 'which part', choices: parts, defaultText: 'words' }],
  examples: ['engram index rebuild', 'engram index rebuild --what all'],
  run: async (context) => {
    const status = await context.call('index.rebuild', { what: choiceOption(context, 'what', parts) })
    context.answer(status, () => renderIndexStatus(status, pageOf(context)))
  },
})

export const indexModelCommand = command({
  path: 'index model',
  section,
  summary: 'The model that search by meaning uses',
  examples: ['engram index model', 'engram index model --json'],
  run: async (context) => {
    const { model } = await context.call('index.status', {})
    context.answer({ model }, () => renderModel(model, pageOf(context)))
  },
})
