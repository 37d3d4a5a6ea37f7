import { session } from './builder.ts'
import type { LabelledSession } from './builder.ts'

/** Invented sessions in English, one agent. */
export const englishClaude: readonly LabelledSession[] = [
  session('parcel-api', 'claude-code', 'en', (story) => {
    story
      .human(
        'The tracking endpoint returns stale rows. Please find out why.\n\nAlways run the contract tests before you push. We use pnpm instead of npm in this repo.',
        ['X-HUMAN', 'Always run the contract tests'],
        ['X-HUMAN', 'pnpm instead of npm'],
      )
      .says('Let me look at the endpoint and its tests first.')
      .runs('rg -n "tracking" src', 'src/tracking.ts:4: export')
      .fails(
        'pnpm test tracking 2>&1 | tail -40',
        'src/tracking.test.ts\nAssertionError: expected status delivered to equal in_transit\n 1 failed',
        ['X-FIX', 'cache key leaves out the carrier'],
      )
      .says('The cache key leaves out the carrier, so two parcels with the same number share one row. Let me add it.')
      .edits('src/tracking.ts', '-const key = parcel.number', '+const key = `${parcel.carrier}:${parcel.number}`')
      .runs('pnpm test tracking 2>&1 | tail -40', '12 passed')
      .says(
        [
          'The stale rows are gone.',
          '',
          '**Root cause**: the response cache was keyed by parcel number alone, and carriers reuse numbers.',
          '',
          'We decided to keep the in-memory cache instead of Redis because one process serves every request.',
        ].join('\n'),
        ['X-DECL', 'carriers reuse numbers'],
        ['X-CHOICE', 'in-memory cache instead of Redis'],
      )
      .human('Thanks, that works. Now the webhook.')
      .says('Now I will look at the webhook handler.')
      .fails(
        'pnpm run build',
        "src/webhook.ts(14,7): error TS2322: Type 'string | undefined' is not assignable to type 'string'.",
        ['X-FIX', 'signature header is optional'],
      )
      .says(
        'The signature header is optional in the types of the framework. A missing one must be refused before the compare.',
      )
      .edits('src/webhook.ts', '+if (signature === undefined) return reply.code(401)')
      .runs('pnpm run build', 'done in 2.1s')
      .runs(
        'git add -A && git commit -m "fix: refuse webhooks without a signature header" -m "The compare threw on undefined, because the framework types the header as optional."',
        '[main 1a2b3c4] fix: refuse webhooks without a signature header\n 1 file changed',
        ['X-COMMIT', 'refuse webhooks without a signature'],
      )
      .says('Everything is committed. 14 tests pass.')
  }),

  session('grid-editor', 'claude-code', 'en', (story) => {
    story
      .human('Add keyboard navigation to the grid. Prefer roving tabindex over aria-activedescendant.', [
        'X-HUMAN',
        'roving tabindex over aria-activedescendant',
      ])
      .asks(
        [
          {
            question: 'How should arrow keys behave at the edge of the grid?',
            options: [
              { label: 'Stop', description: 'Focus stays on the last cell' },
              { label: 'Wrap', description: 'Focus jumps to the other side' },
            ],
          },
          {
            question: 'Should I proceed with the implementation?',
            options: [
              { label: 'Yes', description: '' },
              { label: 'No', description: '' },
            ],
          },
        ],
        {
          'How should arrow keys behave at the edge of the grid?': 'Stop',
          'Should I proceed with the implementation?': 'Yes',
        },
        ['X-ASK', 'Focus stays on the last cell'],
      )
      .says("I'll start with the focus model.")
      .edits('src/grid.tsx', '+const [active, setActive] = useState(0)')
      .fails('npx vitest run grid', "TypeError: Cannot read properties of null (reading 'focus')\n 1 failed", [
        'X-FIX',
        'refs are filled after the first paint',
      ])
      .says(
        'In this renderer the refs are filled after the first paint. The focus call has to wait for the layout effect.',
      )
      .edits('src/grid.tsx', '-useEffect(() => {', '+useLayoutEffect(() => {')
      .runs('npx vitest run grid', ' 9 passed')
      .says(
        [
          'Keyboard navigation is in.',
          '',
          '## Key Learnings',
          '',
          '1. `useLayoutEffect` runs before the browser paints, so refs of new cells are safe to focus there',
          '2. The virtual list unmounts rows outside the window, which silently drops the focused element',
          '3. Short one',
          '',
          '## Next steps',
          '- write the docs for it and ask for a review',
        ].join('\n'),
        ['X-LEARN', 'refs of new cells are safe to focus'],
        ['X-LEARN', 'silently drops the focused element'],
      )
      .human('Perfect. From now on write every component test with user-event, never with fireEvent.', [
        'X-HUMAN',
        'write every component test with user-event',
      ])
      .says('Noted. I went with user-event in the new tests, since it also fires the keydown default actions.', [
        'X-CHOICE',
        'user-event in the new tests',
      ])
      .says('Gotcha: jsdom has no layout, so `scrollIntoView` must be stubbed in the grid tests.', [
        'X-DECL',
        'jsdom has no layout',
      ])
  }),

  session('billing-jobs', 'claude-code', 'en', (story) => {
    story
      .human('/plan move invoice generation to a queue')
      .plans(
        '# Move invoice generation to a queue\n\n- Jobs table in Postgres with `FOR UPDATE SKIP LOCKED`\n- One worker process, retries with backoff\n- The HTTP handler only enqueues',
        true,
        ['X-PLAN', 'FOR UPDATE SKIP LOCKED'],
      )
      .says('Starting with the jobs table.')
      .edits('db/jobs.sql', '+create table jobs (id bigint primary key)')
      .fails('make migrate', 'psql: error: connection to server on socket failed: Connection refused', [
        'X-CMD',
        'make migrate DB_HOST=127.0.0.1',
      ])
      .fails('make migrate DB_PORT=5433', 'psql: error: connection to server failed: Connection refused')
      .runs('make migrate DB_HOST=127.0.0.1', 'Applied 1 migration')
      .says('The worker comes next. Let me write it.')
      .edits('src/worker.ts', '+export async function work() {}')
      .fails('npm test -- worker', 'Error: Timeout of 2000ms exceeded: job was never locked\n 1 failing', [
        'X-FIX',
        'lock query runs outside',
      ])
      .says('The lock query runs outside of the transaction. It has to use the same client as the update.')
      .edits('src/worker.ts', '-await pool.query(lockSql)', '+await client.query(lockSql)')
      .fails('npm test -- worker', 'AssertionError: expected 2 attempts but got 3\n 1 failing', [
        'X-FIX',
        'attempt counter is raised',
      ])
      .says(
        'The attempt counter is raised twice, once by the trigger and once by the worker. I am dropping the one in the worker.',
      )
      .edits('src/worker.ts', '-job.attempts += 1')
      .runs('npm test -- worker', '5 passing')
      .runs(
        'git commit -am "$(cat <<\'EOF\'\nfeat: generate invoices from a queue\n\nThe handler timed out on big accounts, so that the client retried and\ninvoices were made twice. A queue with one worker avoids it because the\njob id is the idempotency key.\n\nCo-Authored-By: Agent <agent@example.test>\nEOF\n)" && git push',
        '[main 77aa001] feat: generate invoices from a queue\n 4 files changed\nTo example.test:billing.git',
        ['X-COMMIT', 'job id is the idempotency key'],
      )
      .says('Decision: failed jobs stay in the table with `status = dead` and are shown on the admin page.', [
        'X-DECL',
        'status = dead',
      ])
      .says('**Open question**: should dead jobs expire after ninety days, or stay for the auditors?', [
        'X-DECL',
        'expire after ninety days',
      ])
      .human('still getting duplicates on staging')
      .says('Let me check the staging logs.')
      .rejected('kubectl logs deploy/worker -n staging')
      .interrupted()
      .human('the staging worker runs the old image. We never deploy from a laptop, only from CI.', [
        'X-HUMAN',
        'never deploy from a laptop',
      ])
      .says('That explains it: staging was still on the image of last week.')
  }),

  session('map-tiles', 'claude-code', 'en', (story) => {
    story
      .human('why is the tile server slow?')
      .says('I think the disk might be the bottleneck, but I am not sure.')
      .runs('iostat 1 3', 'sda 2.0')
      .says('Great question! The disk is idle, so it is not that.')
      .fails('python bench.py', 'bash: python: command not found', ['X-CMD', 'python3 bench.py'])
      .runs('python3 bench.py', 'p95 840 ms')
      .fails(
        'cargo test -p tiles',
        'error[E0502]: cannot borrow `self.cache` as mutable because it is also borrowed as immutable\nerror: could not compile `tiles`',
        ['X-FIX', 'iterator keeps the cache borrowed'],
      )
      .says('The iterator keeps the cache borrowed for the whole loop. Collecting the keys first ends the borrow.')
      .edits(
        'src/cache.rs',
        '-for key in self.cache.keys() {',
        '+let keys: Vec<_> = self.cache.keys().cloned().collect();',
        '+for key in keys {',
      )
      .runs('cargo test -p tiles', 'test result: ok. 31 passed; 0 failed')
      .says(
        [
          'p95 went from 840 ms to 60 ms.',
          '',
          '### Root cause',
          'Every request decoded the same vector tile again, because the cache stored compressed bytes.',
          '',
          '### Fix',
          'The cache now stores decoded tiles and evicts by decoded size.',
          '',
          '### How to profile the tile server',
          '1. Start it with `TILES_PROFILE=1 cargo run --release`',
          '2. Run `python3 bench.py --warm` twice',
          '3. Open the flame graph in `target/profile`',
        ].join('\n'),
        ['X-DECL', 'decoded the same vector tile again'],
        ['X-DECL', 'evicts by decoded size'],
        ['X-DECL', 'flame graph in'],
      )
      .human('wow, thanks. remember that tiles above zoom 14 come from another bucket', [
        'X-HUMAN',
        'tiles above zoom 14',
      ])
      .says('The problem was that `TileCache::get` cloned the whole buffer on every hit.', [
        'X-CAUSE',
        'cloned the whole buffer',
      ])
      .says('We switched to `Arc<[u8]>` rather than `Vec<u8>` to avoid copying on every hit.', [
        'X-CHOICE',
        'to avoid copying on every hit',
      ])
  }),

  session('docs-site', 'claude-code', 'en', (story) => {
    story
      .compacted(
        [
          'This session is being continued from a previous conversation.',
          '',
          'Summary:',
          '1. Primary Request and Intent:',
          '   Move the docs to the new generator.',
          '',
          '4. Errors and fixes:',
          '   - **Broken anchors after the move**: The new generator lowercases heading ids. Fixed by adding a slug function that keeps the case.',
          '   - **Search index was empty in production**: The build ran before the pages were written. Moved the index step after the export.',
          '   - User asked to hurry up',
          '',
          '5. Problem Solving:',
          '   - **Image paths in nested pages**: Relative paths break below the second level, so every image is referenced from the site root.',
          '',
          '6. Pending Tasks:',
          '   - **Write the changelog**: not started',
        ].join('\n'),
        ['X-COMPACT', 'lowercases heading ids'],
        ['X-COMPACT', 'index step after the export'],
        ['X-COMPACT', 'referenced from the site root'],
      )
      .says('Continuing with the redirects.')
      .fails(
        'npm install',
        'npm ERR! code ERESOLVE\nnpm ERR! ERESOLVE unable to resolve dependency tree\nnpm ERR! Fix the upstream conflict or retry with --legacy-peer-deps',
        ['X-CMD', '--legacy-peer-deps'],
      )
      .runs('npm install --legacy-peer-deps', 'added 812 packages')
      .fails('npm run build', 'Error: Duplicate route /guide/start found in two files\n    at build (build.js:10:3)', [
        'X-FIX',
        'redirect file and the page',
      ])
      .says('Both the redirect file and the page claim that route. The redirect must go.')
      .edits('redirects.json', '-"/guide/start": "/start"')
      .runs('npm run build', 'built 214 pages')
      .runs('git commit -am "fix: lint"', '[main 9f9f9f1] fix: lint\n 1 file changed')
      .runs(
        'git commit -am "docs: redirect the old guide to the new start page" && git push',
        '[main 9f9f9f2] docs: redirect the old guide to the new start page',
      )
      .human('now write down what we settled')
      .says(
        [
          '## Decisions',
          '- Versioned docs live on subdomains, the root always shows the newest release',
          '- Code samples are compiled in the build and a failing sample fails it',
          '',
          '## Conventions',
          '- One sentence per line in Markdown sources',
        ].join('\n'),
        ['X-DECL', 'Versioned docs live on subdomains'],
        ['X-DECL', 'samples are compiled in the build'],
        ['X-DECL', 'One sentence per line'],
      )
      .human(
        'No, versions live in folders, not on subdomains. Never use subdomains, our certificates do not cover them.',
        ['X-HUMAN', 'Never use subdomains'],
      )
      .says('Sorry about that! Folders it is.')
  }),
]
