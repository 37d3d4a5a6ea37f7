import { describe, expect, it } from 'vitest'
import { commits } from './commit.ts'
import { Story } from './labelled/builder.ts'
import { found } from './labelled/found.ts'

describe('ING-X-COMMIT', () => {
  const body = 'The queue kept every job in memory, because nothing ever acknowledged them.'
  const made = (command: string, output: string): Story => new Story('s').runs(command, output)

  it.each([
    ['-m twice', `git commit -m "feat: ack jobs" -m "${body}"`],
    ['-am', `git commit -am "feat: ack jobs\n\n${body}"`],
    ['--message=', `git commit --message="feat: ack jobs\n\n${body}"`],
    ['behind &&', `git add . && git commit -m 'feat: ack jobs\n\n${body}' && git push`],
    [
      'a here-document',
      `git commit -m "$(cat <<'EOF'\nfeat: ack jobs\n\n${body}\n\nCo-Authored-By: A <a@b.test>\nSigned-off-by: B <b@b.test>\nEOF\n)" && git push`,
    ],
    ['-F -', `git commit -F - <<EOF\nfeat: ack jobs\n\n${body}\nEOF`],
    ['-C folder', `git -C sub commit -m "feat: ack jobs" -m "${body}"`],
  ])('ING-SES-4 finds the message of %s', (_name, command) => {
    const story = made(command, 'hook ok\n[main abc1234] feat: ack jobs\n 1 file changed\nTo x')
    expect(commits(story.entries)).toEqual([{ sha: 'abc1234', subject: 'feat: ack jobs', body }])
    expect(found(story)).toMatchObject([
      { rule: 'X-COMMIT', type: 'decision', confidence: 0.65, commit: 'abc1234', title: 'feat: ack jobs' },
    ])
  })

  it.each([
    ['root commit', '[main (root-commit) abc1234] first'],
    ['detached', '[detached HEAD abc1234] first'],
  ])('ING-SES-4 %s', (_name, output) => {
    expect(commits(made('git commit -m first', output).entries)).toEqual([
      { sha: 'abc1234', subject: 'first', body: '' },
    ])
  })

  it('ING-SES-4 a push that failed after the commit does not undo the commit; a commit that was amended is replaced', () => {
    const story = new Story('s')
      .fails('git commit -m one && git push', '[main aaaa111] one\nfatal: no upstream')
      .runs('git commit --amend -m uno', '[main bbbb222] uno')
    expect(commits(story.entries).map(({ sha }) => sha)).toEqual(['bbbb222'])
  })

  it('ING-SES-4 a line of that form in the output of another command is no commit', () => {
    expect(commits(new Story('s').runs('cat log.txt', '[main abc1234] fix: x').entries)).toEqual([])
  })

  it.each([
    ['fix: close the socket before a retry', 'bugfix', 0.7],
    ['fix(net): close the socket before a retry', 'bugfix', 0.7],
    ['revert: close the socket before a retry', 'decision', 0.65],
    ['perf: close the socket before a retry', 'decision', 0.65],
  ])('ING-X-COMMIT %s', (subject, type, confidence) => {
    expect(found(made(`git commit -m "${subject}"`, `[main abc1234] ${subject}`))).toMatchObject([
      { rule: 'X-COMMIT', type, confidence },
    ])
  })

  it.each([
    ['feat: ack jobs', 'Adds an acknowledgement to every job and shows it on the page.'],
    ['feat: ack jobs', 'because of it'],
    ['fix: typo', ''],
    ['fix: review comments', ''],
  ])('ING-X-COMMIT nothing for %s / %s', (subject, text) => {
    expect(found(made(`git commit -m "${subject}" -m "${text}"`, `[main abc1234] ${subject}`))).toEqual([])
  })
})
