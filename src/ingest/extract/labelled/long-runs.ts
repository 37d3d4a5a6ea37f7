import { session } from './builder.ts'
import type { LabelledSession } from './builder.ts'

/** Invented sessions that hold much that looks like knowledge and is none: plans of the moment, complaints, small slips. */
export const longRuns: readonly LabelledSession[] = [
  session('photo-sync', 'claude-code', 'en', (story) => {
    story
      .human(
        'we use a retry hook and it crashes on resume, it never finishes the second album. I always get a 500 here. Can you always show the progress?',
      )
      .says(
        'Let me reproduce it. I will run the sync against the fixture album instead of the real one because it is faster.',
      )
      .runs('pnpm sync --album fixture', 'ok')
      .fails('pnpm test', "Error: Cannot find module './albm' imported from src/sync.ts\n 1 failed")
      .says('Typo in the import path that I just wrote.')
      .edits('src/sync.ts', "-import './albm'", "+import './album'")
      .runs('pnpm test', '40 passed')
      .says('Fix: todo')
      .says('The rule is simple. Cause and effect, nothing more.')
      .fails('pnpm test resume', "Error: ENOENT: no such file or directory, open '/tmp/x91/state.json'\n 1 failed", [
        'X-FIX',
        'state file is written after the upload',
      ])
      .reads('src/state.ts')
      .says(
        'The state file is written after the upload has ended, so a broken upload leaves none behind. It has to exist before the first byte goes out.',
      )
      .edits('src/state.ts', '+await writeState(album)')
      .runs('pnpm test resume', '6 passed')
      .says('Root cause: resume looked for a state file that only a finished upload ever wrote.', [
        'X-DECL',
        'only a finished upload ever wrote',
      ])
      .fails(
        'pnpm exec playwright test',
        "browserType.launch: Executable doesn't exist at /home/dev/.cache/chromium\nLooks like Playwright was just installed. Please run: pnpm exec playwright install",
      )
      .runs('pnpm exec playwright install', 'Downloaded', ['X-CMD', 'playwright install'])
      .fails('pnpm lint', 'error: Unexpected console statement  no-console')
      .runs('pnpm lint --fix', 'clean')
      .human('great. never log file names of users, only their hash', ['X-HUMAN', 'never log file names of users'])
      .says('Done. File names are hashed before they are logged.')
      .says(
        'Decision: album ids are UUIDv7, because the gallery sorts by id and the order of creation is what people expect.',
        ['X-DECL', 'album ids are UUIDv7'],
      )
      .says(
        'Conventions for the sync package:\n- Every network call takes an abort signal\n- Sizes are in bytes and named so',
        ['X-DECL', 'takes an abort signal'],
        ['X-DECL', 'Sizes are in bytes'],
      )
      .human('the progress bar jumps. look at this file: src/bar.ts, never mind the tests for now')
      .says('The bar is drawn twice, once by the hook and once by the page.')
      .edits('src/bar.ts', '-draw()')
      .runs(
        'git commit -am "fix: progress bar drawn twice while resuming" && git push',
        '[main aaaa111] fix: progress bar drawn twice while resuming',
        ['X-COMMIT', 'drawn twice while resuming'],
      )
      .runs(
        'git commit -am "feat: show bytes next to percent" -m "Percent alone says little on big albums, so the label shows bytes as well."',
        '[main aaaa112] feat: show bytes next to percent',
      )
      .runs('git commit -am "fix: typo"', '[main aaaa113] fix: typo')
      .says('All done: 46 tests pass, three commits are pushed.')
  }),

  session('mail-archive', 'codex', 'de', (story) => {
    story
      .human('Der Import der alten Postfächer bricht ab. Warum dauert das immer so lange?')
      .says('Ich sehe mir das Protokoll an.')
      .fails(
        'python3 importieren.py probe.mbox',
        'Traceback (most recent call last):\n  File "importieren.py", line 7, in main\nLookupError: unknown encoding: x-unknown',
        ['X-FIX', 'Absender tragen erfundene Zeichensätze ein'],
      )
      .says('Manche Absender tragen erfundene Zeichensätze ein. Unbekannte Namen werden jetzt wie Latin-1 gelesen.')
      .edits('importieren.py', '+except LookupError:', '+    text = roh.decode("latin-1")')
      .fails(
        'python3 importieren.py probe.mbox',
        'sqlite3.IntegrityError: UNIQUE constraint failed: nachricht.message_id',
        ['X-FIX', 'Kennung ist nicht eindeutig'],
      )
      .says(
        'Die Kennung ist nicht eindeutig, Weiterleitungen behalten sie. Der Schlüssel ist jetzt Postfach und Kennung zusammen.',
      )
      .edits('schema.sql', '-unique (message_id)', '+unique (postfach, message_id)')
      .runs('python3 importieren.py probe.mbox', '1200 Nachrichten')
      .says('Die Ursache liegt daran, dass `mailbox.mbox` Weiterleitungen mit gleicher Kennung ablegt.', [
        'X-CAUSE',
        'Weiterleitungen mit gleicher Kennung',
      ])
      .human('Danke, läuft.')
      .says('Erkenntnis: Weiterleitungen behalten ihre Kennung, deshalb gehört das Postfach in den Schlüssel.', [
        'X-DECL',
        'Postfach in den Schlüssel',
      ])
      .human('Merk dir, dass Anhänge über 20 MB in den Objektspeicher gehören.', ['X-HUMAN', 'Anhänge über 20 MB'])
      .human('Schreibe Kommentare immer auf Englisch.', ['X-HUMAN', 'Kommentare immer auf Englisch'])
      .says(
        'Anstelle einer Volltextsuche in SQLite nehmen wir Trigramme, weil deutsche Komposita sonst nicht gefunden werden.',
        ['X-CHOICE', 'Trigramme'],
      )
      .says(
        'Ablauf:\n1. Postfach mit `ziehen.sh` holen\n2. Import mit `--probe` prüfen\n3. Import ohne `--probe` starten',
        ['X-DECL', 'prüfen'],
      )
      .says('Regeln:\n- Gelöscht wird nie, nur ausgeblendet und nach zehn Jahren geprüft\n- kurz', [
        'X-DECL',
        'Gelöscht wird nie',
      ])
      .human('Nie wieder so spät anfangen, haha. Jetzt bitte immer weiter so.')
      .fails('git push', 'remote: error: GH006: Protected branch update failed for refs/heads/main.')
      .runs('git push origin HEAD:import', 'new branch', ['X-CMD', 'HEAD:import'])
      .says('Vielleicht sollten wir den Schlüssel ändern, weil er lang ist, statt ihn zu behalten.')
      .says('Fertig, alles ist eingespielt.')
  }),

  session('game-server', 'codex', 'en', (story) => {
    story
      .human('the lobby leaks memory. do not touch the matchmaker ever without asking me', [
        'X-HUMAN',
        'do not touch the matchmaker ever',
      ])
      .compacted(
        [
          'Summary of the conversation so far.',
          '',
          '## Errors and fixes',
          '- **Heap grows by one listener per match**: `lobby.on` was called inside the loop; moved it to the constructor.',
          '- **Heap snapshot crashed the server**: the inspector was attached twice, so the second session is refused now.',
          '',
          '## Problem Solving',
          '- **Finding the leak**: comparing two snapshots taken after a forced collection showed only listeners growing.',
          '- nothing else',
          '',
          '## Next',
          '- **Tell the user**: that it is fixed',
        ].join('\n'),
        ['X-COMPACT', 'one listener per match'],
        ['X-COMPACT', 'second session is refused'],
        ['X-COMPACT', 'comparing two snapshots'],
      )
      .says('Continuing with the load test.')
      .fails('npm start', 'Error: listen EADDRINUSE: address already in use :::7000')
      .runs('PORT=7001 npm start', 'listening on 7001', ['X-CMD', 'PORT=7001'])
      .fails('npm run load', 'Error: socket hang up after 10000 frames\n 1 failed', [
        'X-FIX',
        'ping interval is longer',
      ])
      .says('The ping interval is longer than the idle timeout of the balancer. It drops to twenty seconds.')
      .edits('src/ping.ts', '-const pingMs = 60_000', '+const pingMs = 20_000')
      .runs('npm run load', '100000 frames ok')
      .says('It turns out the balancer closes idle sockets after thirty seconds, whatever `keepalive_timeout` says.', [
        'X-CAUSE',
        'closes idle sockets after thirty seconds',
      ])
      .says('Next I am going with a bigger instance because the test needs it.')
      .says(
        [
          '## Learnings',
          '',
          '* A leak of listeners shows as a growing array in two snapshots after a forced collection',
          '* The balancer ignores our timeout and closes idle sockets after thirty seconds',
        ].join('\n'),
        ['X-LEARN', 'growing array in two snapshots'],
        ['X-LEARN', 'ignores our timeout'],
      )
      .human('exactly. we decided to keep one process per region because the state lives in memory', [
        'X-CHOICE',
        'one process per region',
      ])
      .plans(
        '# Drain lobbies before a deploy\n\nStop taking players, wait for running matches, then exit. A deploy takes at most one match.',
        true,
        ['X-PLAN', 'wait for running matches'],
      )
      .plans('# Rewrite the matchmaker\n\nReplace the queue by a graph search over ratings and latency.', false)
      .human('ok, only the first one')
      .says(
        'The drain is implemented. Solution: the process answers `503` on `/join` while it drains, so the balancer looks elsewhere.',
      )
      .says('**Solution:** a draining process answers 503 on join, so that the balancer sends new players elsewhere.', [
        'X-DECL',
        'sends new players elsewhere',
      ])
      .says(
        'Lessons learned:\n- Forced collection before each snapshot makes leaks stand out\n- Balancers have timeouts of their own',
        ['X-DECL', 'before each snapshot makes leaks'],
        ['X-DECL', 'Balancers have timeouts of their own'],
      )
      .runs(
        'git commit -am "revert: graph search in the matchmaker" -m "The owner asked to leave the matchmaker alone, because ratings are audited."',
        '[main bbbb222] revert: graph search in the matchmaker',
        ['X-COMMIT', 'ratings are audited'],
      )
      .says('I think the matchmaker might also leak, but nothing shows it.')
  }),
]
