import { describe, expect, it } from 'vitest'
import { Story } from './labelled/builder.ts'
import { found, titles } from './labelled/found.ts'

describe('ING-X-FIX', () => {
  const cause = 'The parser drops the last line of each file.'
  const failing = (error = 'Error: expected four lines of text'): Story =>
    new Story('s').human('go').fails('npm test', error)

  it('ING-X-FIX failure, explanation, change, pass', () => {
    const [candidate] = found(
      failing().says(`${cause} It needs a flush. And more.`).edits('src/a.ts', '-old', '+new').runs('npm test'),
    )
    expect(candidate).toMatchObject({
      rule: 'X-FIX',
      type: 'bugfix',
      confidence: 0.75,
      strength: 'strong',
      title: cause.slice(0, -1),
      files: ['src/a.ts'],
      commands: ['npm test'],
    })
    expect(candidate?.content).toBe(
      `**Error** expected four lines of text\n**Cause** ${cause} It needs a flush.\n**Fix** src/a.ts\n\`\`\`diff\n-old\n+new\n\`\`\`\n**Checked by** npm test`,
    )
  })

  it('ING-X-FIX several causes of one check: 0.70, the last 0.75', () => {
    const story = failing()
      .says(cause)
      .edits('a.ts', '+a')
      .fails('npm test 2>&1 | tail -3', 'TypeError: cannot read the name of undefined')
      .says('The reader returns nothing for an empty folder.')
      .edits('b.ts', '+b')
      .runs('cd x && npm test')
    expect(found(story, 'X-FIX').map(({ confidence }) => confidence)).toEqual([0.7, 0.75])
  })

  it.each<[string, (story: Story) => Story]>([
    ['no change', (story) => story.says(cause).runs('npm test')],
    ['an interruption in the span', (story) => story.says(cause).edits('a.ts', '+a').interrupted().runs('npm test')],
    ['a rejected call in the span', (story) => story.says(cause).edits('a.ts', '+a').rejected('rm x').runs('npm test')],
    ['another check passes', (story) => story.says(cause).edits('a.ts', '+a').runs('npm run build')],
    [
      'the failure was meant',
      (story) => story.says('It fails as expected, now the code.').edits('a.ts', '+a').runs('npm test'),
    ],
    [
      'never passes',
      (story) => story.says(cause).edits('a.ts', '+a').fails('npm test', 'TypeError: something else broke'),
    ],
  ])('ING-X-FIX nothing: %s', (_name, tell) => {
    expect(found(tell(failing()), 'X-FIX')).toEqual([])
  })

  it('ING-X-FIX an interruption before the failure does not count', () => {
    const story = new Story('s')
      .human('go')
      .interrupted()
      .human('on')
      .fails('npm test', 'Error: expected four lines of text')
    expect(titles(story.says(cause).edits('a.ts', '+a').runs('npm test'), 'X-FIX')).toHaveLength(1)
  })

  it('ING-X-FIX the same failure twice is one cause, and the change after the last one cured it', () => {
    const story = failing()
      .says('The reader is too slow for big files.')
      .edits('wrong.ts', '+a')
      .fails('npm test', 'Error: expected four lines of text')
      .says(cause)
      .edits('right.ts', '+b')
      .runs('npm test')
    expect(found(story, 'X-FIX').map(({ title, files }) => ({ title, files }))).toEqual([
      { title: cause.slice(0, -1), files: ['right.ts'] },
    ])
  })

  it('ING-X-FIX a cause that comes back was not cured the first time', () => {
    const story = failing()
      .says('The reader is too slow for big files.')
      .edits('a.ts', '+a')
      .fails('npm test', 'TypeError: cannot read the name of undefined')
      .says('That broke the names, taking it back.')
      .edits('a.ts', '-a')
      .fails('npm test', 'Error: expected four lines of text')
      .says(cause)
      .edits('b.ts', '+b')
      .runs('npm test')
    expect(found(story, 'X-FIX').map(({ files }) => files)).toEqual([['a.ts'], ['b.ts']])
    expect(found(story, 'X-FIX')[0]?.content).toContain('name of undefined')
  })

  it('ING-X-FIX without an explanation the signature is the title', () => {
    const story = failing().says('Let me look at it.').edits('a.ts', '+a').runs('npm test')
    expect(titles(story, 'X-FIX')).toEqual(['Fix: expected four lines of text'])
  })

  it('ING-X-FIX announcements and questions are passed over for what explains', () => {
    const story = failing()
      .says(`${cause} Let me fix it.`)
      .says('Now I will look at the flush. Is it called?')
      .edits('a.ts', '+a')
      .runs('npm test')
    expect(titles(story, 'X-FIX')).toEqual([cause.slice(0, -1)])
  })

  it('ING-X-FIX what only looks something up does not fail', () => {
    const story = new Story('s')
      .fails('ls src/new', 'ls: src/new: No such file or directory')
      .says(cause)
      .edits('src/new/a.ts', '+a')
      .runs('ls src/new')
    expect(found(story)).toEqual([])
  })
})
