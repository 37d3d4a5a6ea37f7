import { describe, expect, it } from 'vitest'
import { Story } from './labelled/builder.ts'
import { found } from './labelled/found.ts'

describe('ING-X-CMD', () => {
  const upstream = 'fatal: The current branch work has no upstream branch.'
  it('ING-X-CMD the command that worked in its place', () => {
    const [candidate] = found(new Story('s').fails('git push 2>&1', upstream).runs('git push -u origin work'))
    expect(candidate).toMatchObject({
      rule: 'X-CMD',
      type: 'procedure',
      confidence: 0.65,
      title: 'git push → git push -u origin work',
      commands: ['git push', 'git push -u origin work'],
    })
    expect(candidate?.content).toBe(
      '**Failed** git push: The current branch work has no upstream branch.\n**Worked** git push -u origin work',
    )
  })

  it.each([
    [
      'the whole command',
      'git push',
      `${upstream}\n  git push --set-upstream origin work`,
      'git push --set-upstream origin work',
    ],
    ['the flag', 'npm install', 'npm ERR! retry with --legacy-peer-deps', 'npm install --legacy-peer-deps'],
  ])('ING-X-CMD the error named %s: 0.75', (_name, failed, output, worked) => {
    expect(found(new Story('s').fails(failed, output).runs(worked))).toMatchObject([
      { rule: 'X-CMD', confidence: 0.75, strength: 'strong' },
    ])
  })

  it.each([
    ['an interpreter of another version', 'python a.py', 'python3 a.py'],
    ['a variable', 'npm start', 'PORT=1 npm start'],
    ['sudo', 'systemctl restart x', 'sudo systemctl restart x'],
  ])('ING-X-CMD %s', (_name, failed, worked) => {
    expect(found(new Story('s').fails(failed, 'Error: it cannot be done so').runs(worked))).toMatchObject([
      { rule: 'X-CMD' },
    ])
  })

  it.each<[string, Story]>([
    ['the same command again', new Story('s').fails('git push', upstream).runs('git push')],
    ['another family', new Story('s').fails('git push', upstream).runs('git fetch origin')],
    [
      'a change in between',
      new Story('s').fails('git push', upstream).edits('a.ts', '+a').runs('git push -u origin work'),
    ],
    [
      'more than five calls',
      new Story('s')
        .fails('git push', upstream)
        .reads('a')
        .reads('b')
        .reads('c')
        .reads('d')
        .reads('e')
        .runs('git push -u origin work'),
    ],
    ['a lookup', new Story('s').fails('grep -r foo src', '').runs('grep -r bar src')],
    [
      'a narrower test run',
      new Story('s').fails('npm test', 'Error: one of them fails').runs('npm test src/a.test.ts'),
    ],
    [
      'a test run picked by name',
      new Story('s').fails('pytest tests', 'Error: one of them fails').runs('pytest tests -k easy'),
    ],
    ['a check that mends', new Story('s').fails('npm run lint', 'error: no-console is on').runs('npm run lint --fix')],
    ['another script', new Story('s').fails('python a.py', 'Error: it cannot be done so').runs('python b.py')],
    ['broken off', new Story('s').fails('git push', upstream).interrupted().runs('git push -u origin work')],
  ])('ING-X-CMD nothing: %s', (_name, story) => {
    expect(found(story, 'X-CMD')).toEqual([])
  })

  it('ING-X-CMD a failure another command resolved is no cause to be fixed later', () => {
    const story = new Story('s')
      .fails('git push', upstream)
      .runs('git push -u origin work')
      .says('The parser drops the last line.')
      .edits('a.ts', '+a')
      .runs('git push')
    expect(found(story).map(({ rule }) => rule)).toEqual(['X-CMD'])
  })
})
